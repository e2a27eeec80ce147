# Read by a scenario's shell, in the folder of fleet_servers.py: telling servers what to say, and counting who is
# redirected where.

until_true()
{
	left=500
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "waited in vain: $*" >&2; return 1; }
		sleep 0.02
	done
}

# port NAME
port() { cat "$1.port"; }

# say NAME LINE…: from now on that server says these, one to each who asks, and the last one to all others.
say()
{
	name=$1
	shift
	printf '%s\n' "$@" >"$name.new"
	mv "$name.new" "$name"
}

# gone NAME: connections to that server are refused.
gone() { rm -f "$1"; }

# refuses NAME, accepts NAME: whether connections to it are refused now.
accepts() { python3 -c 'import socket, sys; socket.create_connection(("127.0.0.1", int(sys.argv[1])), 1)' "$(port "$1")" 2>/dev/null; }
refuses() { ! accepts "$1"; }

said_lines() { [ "$(wc -l <"$1.said")" -ge "$2" ]; }

# heard NAME…: the agent has used what the server says now. It asks again only after it has used the last answer, and
# one answer may have been under way.
heard()
{
	for name in "$@"; do
		until_true said_lines "$name" $(($(wc -l <"$name.said") + 3))
	done
}

last_status() { grep -F "Server $2 is " "$1" | tail -n 1 | grep -qF "Server $2 is $3 "; }

# wait_status LOG BACKEND/SERVER STATUS: that is what the agent's log says last of the server.
wait_status() { until_true last_status "$@"; }

# shares HOST:PORT N [OPTION-OF-CURL]…: N requests, one after the other; prints how many went where, "25 v1.test" a line.
# What HAProxy answered by itself is "N served"; anything else, "N status 503".
shares()
{
	to=$1
	n=$2
	shift 2
	curl -sS --noproxy '*' -o /dev/null "$@" -w '%{http_code} %header{location}\n' "http://$to/[1-$n]" |
		sed -e 's,^302 http://\([^/]*\)/.*,\1,' -e 's/^200 $/served/' -e 's/^\([0-9]\)/status \1/' |
		sort | uniq -c | sed 's/^ *//'
}

# share_of NAME <what shares printed: the number, 0 without a line.
share_of() { awk -v name="$1" '$2 == name { n = $1 } END { print n + 0 }'; }
