# bash completion of spoa-redirect(8). All that it knows of options it reads from `spoa-redirect -h`, the program's own
# table: it completes those of the program that is there, and no others.

# Each row of the help as WORD|VALUE|ACTION: what follows the word, and the action that it belongs to, if any.
_spoa_redirect_rows()
{
	"$1" -h 2>/dev/null |
		sed -nE 's/^  (--?[a-zA-Z]+|[a-z]+)( ([A-Z][-A-Z.=]*|.N: V.))? +(([a-z]+): )?.*/\1|\3|\5/p'
}

_spoa_redirect_pids()
{
	local file name

	for file in /proc/[0-9]*/comm; do
		{ read -r name <"$file"; } 2>/dev/null || continue
		[ "$name" != spoa-redirect ] || basename "${file%/comm}"
	done
}

# The frontends of HAProxy's configuration that is to be imported.
_spoa_redirect_frontends()
{
	local i

	for ((i = 1; i < COMP_CWORD; i++)); do
		if [ -r "${COMP_WORDS[i]}" ] && [ ! -d "${COMP_WORDS[i]}" ]; then
			sed -nE 's/^[[:blank:]]*(frontend|listen)[[:blank:]]+([^[:blank:]#]+).*/\2/p' "${COMP_WORDS[i]}"
		fi
	done
}

_spoa_redirect()
{
	local current=${COMP_WORDS[COMP_CWORD]} before=$((COMP_CWORD - 1)) action='' value='' words='' word kind of i

	COMPREPLY=()
	while [[ $before -gt 0 && ${COMP_WORDS[before]} =~ ^[0-9]+$ ]]; do
		before=$((before - 1)) # -sf takes several
	done
	while IFS='|' read -r word kind of; do
		for ((i = 1; i < COMP_CWORD; i++)); do
			[[ ${COMP_WORDS[i]} != "$word" || $word == -* ]] || action=$word
		done
		# what an action is about may also come behind its options
		[[ ${COMP_WORDS[before]} != "$word" || ($word != -* && ($kind == URL || $current == -*)) ]] || value=$kind
	done < <(_spoa_redirect_rows "$1")
	[[ $value == PID... || $before -eq $((COMP_CWORD - 1)) ]] || value=

	case $value in
	FILE | SOCKET | HAPROXY.CFG)
		compopt -o filenames 2>/dev/null
		mapfile -t COMPREPLY < <(compgen -f -- "$current")
		return
		;;
	PID...) words=$(_spoa_redirect_pids) ;;
	F) words=$(_spoa_redirect_frontends) ;;
	V) words='2.6 3.0 3.2' ;;
	M) words='GET HEAD POST PUT DELETE OPTIONS' ;;
	?*) return ;;
	esac
	if [[ ! $value || ($value == PID... && $current == -*) ]]; then
		while IFS='|' read -r word kind of; do
			[[ ${of:-$action} == "$action" && ($word == -* || ! $action) ]] && words+=" $word"
		done < <(_spoa_redirect_rows "$1")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$current")
}

complete -F _spoa_redirect spoa-redirect
