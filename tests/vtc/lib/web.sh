# Read by a scenario's shell after fleet.sh, in ${tmpdir}: real web servers and exporters on ports of their own, with files
# of their own below NAME.d; NAME.port has the port. What is started here is stopped by stop_web.

free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }

answers_at() { curl -s --noproxy '*' -o /dev/null --max-time 2 "http://127.0.0.1:$1"; }

# begin_web NAME: its folder, and a port that is free, the same one when it is started again.
begin_web()
{
	mkdir -p "$1.d/www"
	[ -e "$1.port" ] || free_port >"$1.port"
	[ -e "$1.d/www/big" ] || truncate -s 64M "$1.d/www/big"
}

as_root() { [ "$(id -u)" != 0 ] || echo "$1"; }

# start_nginx NAME [LINE-OF-SERVER]: stub_status at /load.
start_nginx()
{
	begin_web "$1"
	cat >"$1.d/nginx.conf" <<END
	$(as_root 'user root;')
	worker_processes 1;
	pid $PWD/$1.d/pid;
	error_log $PWD/$1.d/error.log;
	events { worker_connections 100; }
	http {
		access_log $PWD/$1.d/access.log;
		client_body_temp_path $PWD/$1.d/body;
		proxy_temp_path $PWD/$1.d/proxy;
		fastcgi_temp_path $PWD/$1.d/fastcgi;
		uwsgi_temp_path $PWD/$1.d/uwsgi;
		scgi_temp_path $PWD/$1.d/scgi;
		server {
			listen 127.0.0.1:$(cat "$1.port");
			root $PWD/$1.d/www;
			${2-}
			location = /load { stub_status; }
		}
	}
END
	nginx -p "$PWD/$1.d" -c "$PWD/$1.d/nginx.conf" -e "$PWD/$1.d/error.log"
	until_true answers_at "$(cat "$1.port")/big" -r 0-0
}

# start_apache NAME: mod_status at /server-status.
start_apache()
{
	modules=/usr/lib/apache2/modules
	begin_web "$1"
	cat >"$1.d/apache.conf" <<END
	ServerName 127.0.0.1
	ServerRoot $PWD/$1.d
	DocumentRoot $PWD/$1.d/www
	PidFile $PWD/$1.d/pid
	ErrorLog $PWD/$1.d/error.log
	DefaultRuntimeDir $PWD/$1.d
	Listen 127.0.0.1:$(cat "$1.port")
	LoadModule mpm_event_module $modules/mod_mpm_event.so
	LoadModule authz_core_module $modules/mod_authz_core.so
	LoadModule status_module $modules/mod_status.so
	$(as_root 'User www-data')
	StartServers 1
	ThreadsPerChild 10
	MinSpareThreads 5
	MaxSpareThreads 20
	MaxRequestWorkers 20
	Timeout 60
	<Location /server-status>
		SetHandler server-status
	</Location>
END
	chmod 755 . "$1.d" "$1.d/www"
	apache2 -f "$PWD/$1.d/apache.conf"
	until_true answers_at "$(cat "$1.port")/server-status?auto"
}

# start_exporter NAME OPTION…: prometheus-node-exporter.
start_exporter()
{
	begin_web "$1"
	exporter=$1
	shift
	prometheus-node-exporter --web.listen-address="127.0.0.1:$(cat "$exporter.port")" "$@" >"$exporter.d/log" 2>&1 &
	echo $! >"$exporter.d/pid"
	until_true answers_at "$(cat "$exporter.port")/metrics"
}

gone_web() { ! kill -0 "$1" 2>/dev/null; }

# stop_web NAME…
stop_web()
{
	for name in "$@"; do
		pid=$(cat "$name.d/pid")
		kill "$pid"
		until_true gone_web "$pid"
	done
}

# slow_clients NAME N: so many downloads from it, that do not end until stop_slow.
slow_clients()
{
	for _ in $(seq "$2"); do
		curl -s --noproxy '*' --limit-rate 1k -o /dev/null "http://127.0.0.1:$(cat "$1.port")/big" >/dev/null 2>&1 &
		echo $! >>slow.pids
	done
}

stop_slow()
{
	# shellcheck disable=SC2046
	kill $(cat slow.pids)
	rm slow.pids
}

# load_is SOCKET BACKEND/SERVER COLUMN VALUE: what `show load` says.
load_is() { [ "$(load_of "$1" "$2" "$3")" = "$4" ]; }

load_of()
{
	echo "show load" | socat -t 5 - "UNIX-CONNECT:$1" | awk -v be="${2%/*}" -v server="${2#*/}" -v name="$3" '
	/^#/ { for (i = 2; i <= NF; i++) if ($i == name) column = i - 1 }
	$1 == be && $2 == server { print $column }'
}

# polled NAME N: so many questions have been answered by now (nginx).
polled() { [ "$(grep -c '"GET /load ' "$1.d/access.log")" -ge "$2" ]; }

# polls NAME N: waits for N more.
polls() { until_true polled "$1" $(($(grep -c '"GET /load ' "$1.d/access.log") + $2)); }
