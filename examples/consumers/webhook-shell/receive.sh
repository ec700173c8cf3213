#!/usr/bin/env bash
# A receiver of speedmentor's webhooks: bash, openssl and coreutils. It reads one request from standard input and writes
# the answer to standard output, so a super-server starts it for each connection:
#
#   export WEBHOOK_SECRETS='whsec_…' WEBHOOK_FOLDER=/var/lib/speedmentor
#   socat TCP-LISTEN:8080,bind=127.0.0.1,reuseaddr,fork EXEC:./receive.sh
#
# (or a socket unit of systemd with Accept=yes). In front of it stands whatever ends TLS for you.
#
# WEBHOOK_SECRETS   the secret that you were shown; during a rotation both, separated by a space
# WEBHOOK_FOLDER    where events are kept: events/<id>.json. What is there has been had, so a repetition has no effect.
#
# A 2xx is given when the event is on the disk, and not before: whatever goes wrong here, it is sent again.
set -u
export LC_ALL=C
longest_body=1000000 # bytes
tolerance=300        # seconds by which the sender's clock and this one may differ

answer() { # STATUS REASON
    printf 'HTTP/1.1 %s %s\r\nContent-Length: 0\r\nConnection: close\r\n\r\n' "$1" "$2"
    exit 0
}

# Put your own work in place of this. It must be done when it returns, and it may be asked to do the same once more.
handle() { # FILE
    :
}

IFS= read -r -t 10 -n 8192 request || answer 400 "Bad Request"
[[ $request == "POST "* ]] || answer 405 "Method Not Allowed"
id='' timestamp='' signatures='' length=''
for ((lines = 0; ; lines++)); do
    IFS= read -r -t 10 -n 8192 line || answer 400 "Bad Request"
    line=${line%$'\r'}
    [ -n "$line" ] || break
    [ "$lines" -lt 100 ] || answer 431 "Request Header Fields Too Large"
    name=${line%%:*} value=${line#*:}
    value=${value#"${value%%[! ]*}"}
    case ${name,,} in
        webhook-id) id=$value ;;
        webhook-timestamp) timestamp=$value ;;
        webhook-signature) signatures=$value ;;
        content-length) length=$value ;;
    esac
done
# The id becomes the name of a file, the two numbers go into sums: nothing else may be in them.
[[ $id =~ ^[A-Za-z0-9_-]{1,128}$ && $timestamp =~ ^[0-9]{1,12}$ && $length =~ ^[0-9]{1,9}$ ]] || answer 400 "Bad Request"
[ "$length" -le "$longest_body" ] || answer 413 "Content Too Large"
age=$(($(date +%s) - 10#$timestamp))
[ "${age#-}" -le "$tolerance" ] || answer 400 "Bad Request"

mkdir -p "$WEBHOOK_FOLDER/events" && work=$(mktemp -d "$WEBHOOK_FOLDER/.new.XXXXXX") || answer 500 "Internal Server Error"
trap 'rm -rf "$work"' EXIT
timeout 15 head -c "$length" >"$work/body"
[ "$(wc -c <"$work/body")" -eq "$length" ] || answer 400 "Bad Request"

# Signed are the very bytes that came, with the id and the time before them: id.timestamp.body
printf '%s.%s.' "$id" "$timestamp" | cat - "$work/body" >"$work/signed"
digest() { openssl dgst -sha256 -r | cut -d ' ' -f 1; }
is_signed=no
for secret in $WEBHOOK_SECRETS; do
    key=$(printf '%s' "${secret#whsec_}" | openssl base64 -d -A | od -An -v -tx1 | tr -d ' \n')
    expected=v1,$(openssl dgst -sha256 -mac HMAC -macopt "hexkey:$key" -binary <"$work/signed" | openssl base64 -A)
    for signature in $signatures; do
        # Digests are compared, so that the time it takes tells nothing of how far a guess is right.
        [ "$(printf '%s' "$signature" | digest)" = "$(printf '%s' "$expected" | digest)" ] && is_signed=yes
    done
done
[ "$is_signed" = yes ] || answer 401 "Unauthorized"

[ -e "$WEBHOOK_FOLDER/events/$id.json" ] && answer 204 "No Content"
handle "$work/body" || answer 500 "Internal Server Error"
sync "$work/body" && mv "$work/body" "$WEBHOOK_FOLDER/events/$id.json" && sync "$WEBHOOK_FOLDER/events" ||
    answer 500 "Internal Server Error"
answer 204 "No Content"
