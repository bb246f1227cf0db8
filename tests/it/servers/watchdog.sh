# Runs one server for a test process, and cleans up when that process has ended.
# $1: the server's folder, which is removed at the end. The other arguments: the server's command line.
# stdin: the commands start, stop, kill, pause, resume and alive, one on each line. Each is answered by one line. The end of
# stdin ends the server. A test process that is killed cannot clean up, but its end closes stdin.
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
    kill)
        kill -KILL "$server"
        wait "$server"
        server=
        true
        ;;
    pause)
        # A signal stops the threads one after another. On Linux, wait until all of them are stopped.
        kill -STOP "$server" &&
            while cat /proc/"$server"/task/*/stat 2>/dev/null | grep -qv ') [Tt] '; do sleep 0.01; done
        ;;
    resume) kill -CONT "$server" ;;
    alive) [ -n "$server" ] && kill -0 "$server" ;;
    esac 2>/dev/null && echo yes || echo no
done

[ -z "$server" ] || kill -KILL "$server" 2>/dev/null
wait
rm -rf "$folder"
