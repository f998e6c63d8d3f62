# consent.sh - what consent strings cost; sourced by bench.sh.
#
# By turns: a backlog whose events carry a consent string is delivered without a look at it
# (gpp 'ignore'), and to a destination for ads that asks for it (gpp 'required'), at which
# every string allows its event.  It is a TC string with consent of 24 purposes and of every
# vendor up to 800, as consent management platforms write it: bits, some 180 characters.
#
# shellcheck shell=bash

# A TC string of that kind: six-bit text of a string of bits.
consent_string()
{
	perl -e '
		my $bits = sprintf("%06b%036b%036b%012b%012b%06b%06b%06b%012b%06b", 2, (17040672000) x 2, 10, 1, 1, 4, 13, 100, 4)
			. "10" . "0" x 12 . "1" x 24 . "0" x 24 . "0" . sprintf("%06b%06b", 3, 4)
			. sprintf("%016b", 800) . "0" . "1" x 800 . "0" x 17 . "0" x 12;
		my @alphabet = ("A" .. "Z", "a" .. "z", 0 .. 9, "-", "_");

		$bits .= "0" x (-length($bits) % 6);
		print join "", map { $alphabet[oct "0b$_"] } $bits =~ /(.{6})/g;'
}

bench_consent()
{
	local round first=1 ignored=() required=() ignored_cpu=() required_cpu=() string

	title "consent, $EVENTS events with a TC string of 800 vendors, $ROUNDS rounds"
	set_delivery on
	start_counting_receiver
	bench_database consent
	string=$(consent_string)
	bench_destination consent
	sql -c "ALTER SERVER bench OPTIONS (ADD uses 'sale_or_share, targeted_ads, measurement', ADD tcf_vendor_id '755')"
	for ((round = 1; round <= 2 * ROUNDS; round++)); do
		pause
		((round % 2)) || sql -c "ALTER SERVER bench OPTIONS (ADD gpp 'required')"
		sql -c "SELECT count(ecapi_emit(event => jsonb_set(bench.purchase(n), '{user_data,gpp_string}', '\"$string\"')))
				FROM generate_series($first::bigint, $((first + EVENTS - 1))) n" >/dev/null
		first=$((first + EVENTS))
		sql -c "CHECKPOINT"
		drain "$EVENTS"
		wait_until_delivered
		if ((round % 2)); then
			ignored+=("$RATE")
			ignored_cpu+=("$CPU")
		else
			required+=("$RATE")
			required_cpu+=("$CPU")
			sql -c "ALTER SERVER bench OPTIONS (DROP gpp)"
		fi
	done
	show_side "strings are not looked at" events/s "${ignored[@]}"
	show_side "strings are required" events/s "${required[@]}"
	show_ratio "required / not looked at" "at least 0.9" "${required[@]}" / "${ignored[@]}"
	show_side "not looked at, processor time" us/event "${ignored_cpu[@]}"
	show_side "required, processor time" us/event "${required_cpu[@]}"
	stop_receiver
	drop_bench_database
}
