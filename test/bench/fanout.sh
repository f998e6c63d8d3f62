# fanout.sh - what a further destination costs; sourced by bench.sh.
#
# One page of events goes to several destinations: it is read and parsed once, and what
# they have in common is hashed once.  By turns a backlog is delivered to one destination of
# the format ecapi alone, and to it and a further one of each format.  The difference in
# the worker's processor time is what the further one costs, its HTTP included; beside
# it stands the pure transform (transform.c) of the same events.
#
# shellcheck shell=bash

# ECAPI_KINDS='tiktok snap' takes others of the formats; of ga4 none, because a request of it
# holds the events of one person, nor of amazon and pubsub, whose token endpoint the receiver
# plays only where it judges.
read -ra FANOUT_KINDS <<<"none ${ECAPI_KINDS:-ecapi meta google webhook}"

# Accounts of the platforms that take one id, as they look there.
declare -A FANOUT_ACCOUNTS=(
	[meta]=1234567890 [tiktok]=C4A1B2C3D4E5F6G7H8I9 [pinterest]=549755885175
	[reddit]=a2_exampl3pixel [microsoft]=187012345 [snap]=1ec32188-754e-4be2-8e55-c949a984a39f
	[openai]=KBHCVX1dYePA)

# Requests a second of the platforms that take few.
declare -A FANOUT_PACE=([google]=5 [reddit]=4 [linkedin]=10)

# The key of a service account.
fanout_key()
{
	"${AS_SERVER[@]}" mkdir -p "$WORK/credentials"
	"${AS_SERVER[@]}" openssl genpkey -quiet -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
		-out "$WORK/fanout.pem"
	perl -MJSON::PP -0777 -ne 'print encode_json({ type => "service_account",
		client_email => "bench\@example.iam.gserviceaccount.com", private_key_id => "1",
		private_key => $_, token_uri => "https://oauth2.googleapis.com/token" })' \
		"$WORK/fanout.pem" | "${AS_SERVER[@]}" tee "$WORK/credentials/fanout.json" >/dev/null
}

# A further destination of a format.
fanout_destination()
{
	local url=http://127.0.0.1:$RECEIVER_PORT/further options mapping=

	case $1 in
		ecapi) options="url '$url', data_set_id 'bench', batch_size '1000'" ;;
		meta | tiktok | pinterest | reddit | microsoft | snap | openai)
			options="format '$1', url '$url', data_set_id '${FANOUT_ACCOUNTS[$1]}', batch_size '1000'"
			mapping="access_token 'none'"
			;;
		linkedin)
			options="format 'linkedin', url '$url', event_types 'purchase=104012', batch_size '1000'"
			mapping="access_token 'none'"
			;;
		google)
			options="format 'google', url '$url', token_url '$url/token', account_id '1234567890',
				event_types 'purchase=7001', batch_size '1000'"
			mapping="service_account_file 'fanout.json'"
			;;
		webhook)
			options="format 'webhook', url '$url/webhook', batch_size '1000'"
			mapping="secret 'whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw'"
			;;
	esac
	sql -c "CREATE SERVER further FOREIGN DATA WRAPPER ecapi OPTIONS ($options)"
	[ -z "$mapping" ] || sql -c "CREATE USER MAPPING FOR PUBLIC SERVER further OPTIONS ($mapping)"
}

# The other destination goes as slowly as a platform that takes few requests, because one
# that is far ahead shares nothing.
fanout_pace()
{
	[ -z "${FANOUT_PACE[$1]:-}" ] || sql -c "ALTER SERVER bench OPTIONS ($2)"
}

# fanout_side KIND FIRST: deliver events from that number on; sets CPU.
fanout_side()
{
	local kind=$1 first=$2 copies=1 resume="SELECT ecapi.resume('bench')"

	[ "$kind" = none ] || fanout_destination "$kind"
	fanout_pace "$kind" "ADD rate_limit '${FANOUT_PACE[$kind]:-}'"
	# both stand at the live tick, so that they read the same pages afterwards
	sql -c "SELECT ecapi_emit('login')" >/dev/null
	wait_for "every destination has read what there is" \
		"SELECT bool_and(state = 'idle' AND backlog = 0) FROM ecapi.destination" 60
	sql -c "SELECT ecapi.pause(srvname) FROM pg_foreign_server" >/dev/null
	wait_for "every destination is paused" \
		"SELECT bool_and(state = 'paused') FROM ecapi.destination" 60
	# of today, because platforms take no old ones
	sql -c "SELECT count(ecapi_emit(event => bench.purchase(n) ||
				jsonb_build_object('timestamp', extract(epoch FROM now())::bigint)))
			FROM generate_series($first::bigint, $((first + EVENTS - 1))) n" >/dev/null
	sql -c "CHECKPOINT"
	if [ "$kind" != none ]; then
		resume="SELECT ecapi.resume('bench'), ecapi.resume('further')"
		copies=2
	fi
	RESUME=$resume drain "$((copies * EVENTS))"
	CPU=$(calculate "$CPU * $copies")
	wait_for "nothing is left to send" \
		"SELECT bool_and(backlog = 0 OR state = 'paused') FROM ecapi.destination" 600
	fanout_pace "$kind" "DROP rate_limit"
	[ "$kind" = none ] || sql -c "SET client_min_messages = warning; DROP SERVER further CASCADE"
}

bench_fanout()
{
	local round kind first=1 transform=() answer

	title "fanout, $EVENTS events to one destination and to a further one, $ROUNDS rounds"
	make_here -C test/bench transform >"$WORK/bench.log" 2>&1 || { cat "$WORK/bench.log" >&2; die "the transform was not built"; }
	set_delivery on
	start_counting_receiver
	bench_database fanout
	bench_destination fanout
	fanout_key
	rm -f "$WORK"/fanout.us.*
	for ((round = 1; round <= ROUNDS; round++)); do
		for kind in "${FANOUT_KINDS[@]}"; do
			fanout_side "$kind" "$first"
			first=$((first + EVENTS))
			echo "$CPU" >>"$WORK/fanout.us.$kind"
			if [ "$kind" = none ]; then
				# Lines as they are: csv whose quote and delimiter never occur.
				[ "$round" != 1 ] || sql -c "COPY (SELECT event FROM ecapi.outbox ORDER BY seq LIMIT $EVENTS) TO '$WORK/events'
					(FORMAT csv, QUOTE E'\\x01', DELIMITER E'\\x02')"
				answer=$("${AS_SERVER[@]}" "$BUILD/test/bench/transform" "$WORK/events" 1000)
				transform+=("$(calculate "1e6 / ${answer% *}")")
			fi
		done
	done
	show_side "pure transform" us/event "${transform[@]}"
	for kind in "${FANOUT_KINDS[@]}"; do
		mapfile -t further < <(paste -d' ' "$WORK/fanout.us.$kind" "$WORK/fanout.us.none" |
			awk -v alone="$([ "$kind" = none ] && echo 1 || echo 0)" '{ printf "%.3f\n", alone ? $1 : $1 - $2 }')
		if [ "$kind" = none ]; then
			show_side "the first destination, worker" us/event "${further[@]}"
		else
			show_side "a further one, $kind" us/event "${further[@]}"
			show_ratio "$kind / transform" "at most 0.8, and its HTTP" "${further[@]}" / "${transform[@]}"
		fi
	done
	stop_receiver
	drop_bench_database
}
