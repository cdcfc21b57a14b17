#!/bin/sh
# Gets agents' tokens and guests' signatures from the validator (needs curl 7.84 or newer, and jq).
#
# Nothing secret is an argument of a program, which other users of the machine can read: curl reads the
# credentials from the file descriptor 3, and the request from its standard input. There is no cache: keep
# a token in a variable of your script.
set -eu

usage="usage: validator-client.sh tokens TENANT USER... | revoke | guest ORIGIN TENANT CHANNEL NAME"
request_timeout=10 deadline=30 max_wait=10 # seconds: one request; all of them; one Retry-After
end=$(($(date +%s) + deadline))

fail() {
    echo "error: $*" >&2
    exit 1
}

# As a configuration of curl. Read for each request: after a rotation, the second try has the new secret.
credentials() {
    if [ "$command" = guest ]; then
        printf 'header = "Cookie: %s"\n' "$cookie"
    else
        printf 'user = "%s:%s"\n' "$VALIDATOR_CLIENT" "$(cat "$VALIDATOR_CLIENT_SECRET_FILE")"
    fi
}

# send PATH BODY [OPTION...]: set status, retry_after, cookie, media_type and content to those of the response
send() {
    path=$1 body=$2
    shift 2
    left=$((end - $(date +%s)))
    [ "$left" -gt 0 ] || fail "the deadline has passed"
    [ "$left" -lt "$request_timeout" ] || left=$request_timeout
    response=$(
        printf '%s' "$body" | curl --disable --silent --max-time "$left" --config /dev/fd/3 "$@" \
            ${VALIDATOR_CA_FILE:+--cacert "$VALIDATOR_CA_FILE"} --json @- "$VALIDATOR_URL$path" \
            --write-out '\n%{http_code}|%header{retry-after}|%header{set-cookie}|%{content_type}|%{errormsg}' 3<<EOF
$(credentials)
EOF
    ) || fail "$VALIDATOR_URL: ${response##*|}"
    content=${response%
*}
    IFS='|' read -r status retry_after cookie media_type _ <<EOF
${response##*
}
EOF
    cookie=${cookie%%;*} media_type=${media_type%%;*}
}

# Print the problem (RFC 9457) in words; of any other content, nothing.
describe() {
    if [ "$media_type" = application/problem+json ]; then
        printf '%s' "$content" | jq -r --arg status "$status" \
            '"HTTP \($status) \([.title, .detail // empty] | join(": ")) (\(.instance))"' 2>/dev/null ||
            echo "HTTP $status with an invalid problem document: not from the validator"
    else
        echo "HTTP $status without a problem document: not from the validator"
    fi
}

# post PATH MEDIA_TYPE BODY [OPTION...]: set content to that of a response of this type, or to an empty one
post() {
    path=$1 expected=$2 body=$3
    shift 3
    send "$path" "$body" "$@"
    case $status in
        401) send "$path" "$body" "$@" ;;
        429 | 503)
            case $retry_after in '' | *[!0-9]* | ??????*) retry_after=1 ;; esac
            if [ "$retry_after" -gt "$max_wait" ] || [ "$retry_after" -gt $((end - $(date +%s))) ]; then
                fail "$(describe): try again in $retry_after s"
            fi
            sleep "$retry_after"
            send "$path" "$body" "$@"
            ;;
    esac
    [ "$status" = 200 ] || fail "$(describe)"
    if [ -n "$expected" ]; then [ "$media_type" = "$expected" ]; else [ -z "$content" ]; fi ||
        fail "HTTP 200 with unexpected content: not from the validator"
}

tokens() {
    tenant=$1
    shift
    for user in "$@"; do
        wanted=$(jq -cn --arg tenant "$tenant" --arg user "$user" '{tenantSpaceId: $tenant, userAccount: $user}')
        post /api/v1/tokens/agent application/json "$wanted"
        printf '%s\n' "$content"
    done
}

guest() {
    cookie=
    post /webchat/guest application/json '{}' --header "Origin: $1"
    id=$(printf '%s' "$content" | jq -r .thirdUserId)
    guest=$(jq -cn --arg name "$4" --arg id "$id" --arg tenant "$2" \
        '{thirdUserName: $name, thirdUserId: $id, tenantSpaceId: $tenant}')
    signed=$(printf '%s' "$guest" | jq -c --arg channel "$3" '. + {channelConfigId: $channel}')
    post /webchat/authorizationService text/plain "$signed" --header "Origin: $1"
    printf '%s' "$guest" | jq -c --arg line "$content" '. + {thirdPartAuthorization: $line}'
}

command=${1:-}
[ $# -eq 0 ] || shift
case $command:$#:${VALIDATOR_URL:-} in
    tokens:[01]:*) command= ;;
    tokens:*:https://* | revoke:0:https://* | guest:4:https://*) ;;
    *) command= ;;
esac
case $command in
    tokens) tokens "$@" ;;
    revoke) post /api/v1/tokens/revoke '' "$(jq -cR '{token: .}')" ;;
    guest) guest "$@" ;;
    *)
        echo "$usage" >&2
        exit 2
        ;;
esac
