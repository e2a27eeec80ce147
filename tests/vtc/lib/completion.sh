#!/bin/bash
#
# completion.sh AGENT COMPLETION - whether bash completes what the agent's -h lists; see config/completion.vtc

set -euo pipefail
export LC_ALL=C
agent=$1
# shellcheck source=spoa/cli/spoa-redirect.bash
. "$2"

# completes WORD…: what is offered for the last one, sorted.
completes()
{
	# shellcheck disable=SC2034
	COMP_WORDS=("$agent" "$@")
	# shellcheck disable=SC2034
	COMP_CWORD=$#
	COMPREPLY=()
	_spoa_redirect "$agent" "$@" || true
	[ ${#COMPREPLY[@]} = 0 ] || printf '%s\n' "${COMPREPLY[@]}" | sort
}

# is WANTED WORD…
is()
{
	local wanted=$1 got

	shift
	got=$(completes "$@" | paste -sd ' ')
	[ "$got" = "$wanted" ] || { echo "after '$*': '$got', not '$wanted'"; exit 1; }
}

complete -p spoa-redirect
all=$("$agent" -h | sed -n 's/^  \(-*[a-zA-Z][a-zA-Z]*\) .*/\1/p' | sort)
owned=$("$agent" -h | sed -n 's/^  \(-*[a-zA-Z]*\) .* [a-z]*: .*/\1/p')
actions=$(grep -v '^-' <<<"$all")
[ "$(wc -l <<<"$all")" -ge 20 ]

# Every word of the table is offered, at once or with its action, and nothing else is.
{
	completes ''
	for action in $actions; do
		completes "$action" -
	done
} | sort -u | diff - <(echo "$all")
for word in $owned; do
	if completes '' | grep -qxe "$word"; then
		echo "'$word' without its action"
		exit 1
	fi
done

printf 'frontend www\n    bind :80\nlisten other # not this\n' >haproxy.cfg
is explain e
is '' spoe e
is --group spoe --g
is --haproxy spoe --ha
is --header explain --h
is '' import --g
is '2.6 3.0 3.2' spoe --haproxy ''
is haproxy.cfg -f hapr
is haproxy.cfg import hapr
is haproxy.cfg -x hapr
is 'other www' import haproxy.cfg --frontend ''
is www import haproxy.cfg --frontend w
is '' explain --src ''
is '-sf -st' -sf 12 -s

# Of processes those of the name.
cp "$(command -v sleep)" spoa-redirect
./spoa-redirect 60 &
trap 'kill $!' EXIT
until grep -qxF spoa-redirect "/proc/$!/comm"; do :; done
completes -sf '' | grep -qx $!
completes -sf 12 "$!" | grep -qx $!
is '' -sf 1x
