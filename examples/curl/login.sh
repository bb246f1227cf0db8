#!/bin/sh
# Signs in with curl: code, login, me, refresh, logout. After a wrong code, it asks again.
#   sh login.sh +8613711112222
set -eu

url=${SMS_LOGIN_URL:-http://127.0.0.1:8000/graphql}
phone=${1:-+8613711112222}

# The values in the document must not contain quotes or backslashes. Phones, codes and tokens do not.
graphql() { # query, token
    query=$(printf '%s' "$1" | sed 's/"/\\"/g')
    curl -sS "$url" -H 'content-type: application/json' ${2:+-H "authorization: Bearer $2"} \
        -d "{\"query\": \"$query\"}"
}

# Prints the string or the number with this name in an answer. If there is none, prints the answer and exits.
field() { # name, answer
    value=$(printf '%s' "$2" | sed -n "s/.*\"$1\":\"\{0,1\}\([^\",}]*\).*/\1/p")
    [ -n "$value" ] || { printf '%s\n' "$2" >&2; exit 1; }
    printf '%s' "$value"
}

# Each mutation returns its payload, or a problem such as a wrong code.
problem='... on Problem { code message attemptsRemaining }'

answer=$(graphql "mutation { requestCode(input: {phone: \"$phone\"}) { \
... on RequestCodePayload { challengeId } $problem } }")
challenge=$(field challengeId "$answer")

while :; do
    printf 'Code: '
    read -r code
    answer=$(graphql "mutation { login(input: {phone: \"$phone\", code: \"$code\", challengeId: \"$challenge\", \
deviceName: \"curl example\"}) { ... on LoginPayload { accessToken refreshToken isNewUser } $problem } }")
    # A code has three attempts.
    case $answer in
    *'"attemptsRemaining":'[1-9]*) echo "Wrong code. Attempts left: $(field attemptsRemaining "$answer")." ;;
    *) break ;;
    esac
done
access=$(field accessToken "$answer")
refresh=$(field refreshToken "$answer")
case $answer in
*'"isNewUser":true'*) echo 'Signed up.' ;;
*) echo 'Signed in.' ;;
esac

answer=$(graphql '{ me { phone } }' "$access")
echo "You are $(field phone "$answer")."

# An app does this before accessTokenExpiresAt. A refresh token is valid once, so store the new one.
answer=$(graphql "mutation { refreshSession(input: {refreshToken: \"$refresh\"}) { \
... on RefreshSessionPayload { accessToken refreshToken } $problem } }")
access=$(field accessToken "$answer")
echo 'Refreshed.'

answer=$(graphql "mutation { logout { ... on LogoutPayload { endedSessions } $problem } }" "$access")
field endedSessions "$answer" >/dev/null
echo 'Signed out.'
