# Read by a scenario's shell, in ${tmpdir}: starting servers and telling them what to say, waiting for what the agent
# makes of it, putting load on HAProxy, and counting who is redirected where. From here on a command that fails ends the shell, and the scenario.
set -e

until_true()
{
	left=500
	until "$@"; do
		left=$((left - 1))
		[ "$left" -gt 0 ] || { echo "waited in vain: $*" >&2; return 1; }
		sleep 0.02
	done
}

# start_servers LIB NAME…: fleet_servers.py in the background, until stop_servers.
start_servers()
{
	lib=$1
	shift
	python3 "$lib/fleet_servers.py" . "$@" >servers.log 2>&1 &
	echo $! >servers.pid
	until_true test -e ready
}

stop_servers() { kill "$(cat servers.pid)"; }

# port NAME
port() { cat "$1.port"; }

# say NAME LINE…: from now on that server says these, one to each who asks, and the last one to all others.
say()
{
	name=$1
	shift
	printf '%s\n' "$@" >"$name.new"
	mv "$name.new" "$name"
	until_true test -e "$name.open"
}

# gone NAME: connections to that server are refused.
gone()
{
	rm "$1"
	until_true test ! -e "$1.open"
}

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

# haproxy_says HOST:PORT BACKEND/SERVER up|down: what HAProxy's command line at that address says of a server of its own.
haproxy_says()
{
	echo "show servers state ${2%/*}" | curl -s --noproxy '*' --max-time 2 "telnet://$1" |
		awk -v server="${2#*/}" '$4 == server { print $6 == 0 ? "down" : "up" }' | grep -qx "$3"
}

# start_load LIB HOST:PORT CLIENTS: fleet_load.py in the background, what it got in answers, until stop_load.
start_load()
{
	python3 "$1/fleet_load.py" "$2" "$3" answers >load.log 2>&1 &
	echo $! >load.pid
	until_true test -e answers
}

stop_load()
{
	kill "$(cat load.pid)"
	until_true ended "$(cat load.pid)"
}

ended() { ! kill -0 "$1" 2>/dev/null; }

answered() { [ "$(wc -l <answers)" -ge "$1" ]; }

# more_answers N: waits for N more, and prints these alone.
more_answers()
{
	from=$(wc -l <answers)
	until_true answered $((from + $1))
	sed -n "$((from + 1)),$((from + $1))p" answers
}

# all_are LINE FILE: nothing else is in it.
all_are()
{
	[ "$(sort -u "$2")" = "$1" ] || { sort "$2" | uniq -c >&2; return 1; }
}

# last_are LINE N: to be waited for, since an answer from before may come late to who records it.
last_are() { [ "$(tail -n "$2" answers | sort | uniq -c | sed 's/^ *//')" = "$2 $1" ]; }

# no_line FILE TEXT. (A command behind `!` would not end the shell.)
no_line() { ! grep -F -- "$2" "$1"; }

# no_errors: every request was answered, with a redirect or by HAProxy's own 200.
no_errors() { ! grep -v '^302 redirect$\|^200 $' answers; }

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

# all_to HOST:PORT NAME: three requests, all redirected to NAME.test.
all_to()
{
	[ "$(shares "$1" 3)" = "3 $2.test" ] || { shares "$1" 3; return 1; }
}

all_stopped() { ! grep -qs '^State:.*[RSD] (' /proc/"$1"/task/*/status; }

# freeze PID: until the last of its threads has noticed.
freeze()
{
	kill -STOP "$1"
	until_true all_stopped "$1"
}

redirected_again() { more_answers 100 >back && all_are '302 redirect' back; }

# redirects_are_back: from some answer on HAProxy has the agent's for each request. It may have been busy with an attempt
# to reach it, and from 3.1 on waits a second between two.
redirects_are_back() { until_true redirected_again; }
