# Runs one server for a test process, and outlives it just long enough to clean up.
# $1: the server's folder, removed at the end. The rest: the server's command line.
# stdin: start, stop, pause, resume or alive, a line each, answered by one line; its end, which also comes when the
# test process is killed, ends the server. The race closed here: nobody is left to clean up after a SIGKILL.
trap '' HUP INT QUIT PIPE
folder=$1
shift
server=

while read -r word; do
    case $word in
    start)
        : >"$folder/log"
        "$@" >>"$folder/log" 2>&1 </dev/null &
        server=$!
        ;;
    stop)
        kill -TERM "$server"
        kill -CONT "$server"
        wait "$server"
        server=
        ;;
    pause) kill -STOP "$server" ;;
    resume) kill -CONT "$server" ;;
    alive) [ -n "$server" ] && kill -0 "$server" ;;
    esac 2>/dev/null && echo yes || echo no
done

[ -z "$server" ] || kill -KILL "$server" 2>/dev/null
wait
rm -rf "$folder"
