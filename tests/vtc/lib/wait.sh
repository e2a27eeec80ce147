# Read by a scenario's shell: waiting for something to happen, at most five seconds, and failing otherwise.

# until_true COMMAND [ARGUMENT]…
until_true()
{
	left=250
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "waited in vain: $*" >&2; return 1; }
		sleep 0.02
	done
}

# wait_socket PATH: somebody listens there.
wait_socket() { until_true test -S "$1"; }

# wait_line FILE TEXT: a line of the file has the text.
wait_line() { until_true grep -qF -- "$2" "$1"; }
