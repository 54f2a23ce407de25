#!/bin/sh
# measure.sh: the dispatcher against workers that all accept, in turns. Needs wrk
# and ab (Debian: wrk, apache2-utils).
#
#     measure.sh [ROUNDS [WORKERS]]
set -eu
here=$(dirname "$0") rounds=${1:-3} workers=${2:-2} address=127.0.0.1:18111

# What one program does, under a mode's name.
measure() {
    perl "$here/dispatcher.pl" "$address" "$workers" $2 >/dev/null &
    pid=$!
    until ab -q -n 1 "http://$address/" >/dev/null 2>&1; do :; done
    short=$(ab -q -l -r -c 16 -n 5000 "http://$address/" | awk '
        /^Requests per second/ { rate = int($4) }
        /^ *99%/ { late = $2 "ms" }
        END { print rate, late }')
    kept=$(latency 16 /) few=$(latency 6 /20000)
    kill "$pid"
    wait "$pid"
    printf '%-11s %14s %18s %18s\n' "$1" "$short" "$kept" "$few"
}

# Requests per second and the 99th percentile, on so many kept connections.
latency() {
    wrk -t1 "-c$1" -d2 --latency "http://$address$2" | awk '
        /Requests\/sec/ { rate = int($2) }
        /^ *99%/ { late = $2 }
        END { print rate, late }'
}

echo "$workers workers; requests per second and 99th percentile"
printf '%-11s %14s %18s %18s\n' '' 'short, 16' 'kept, 16' 'kept, 6, heavy'
for round in $(seq "$rounds"); do
    measure dispatcher ''
    measure 'all accept' accept
done
