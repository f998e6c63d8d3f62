# Consent strings at five destinations of other terms: what each may have comes, what it may
# not does not, what is left for a restricted mode comes in that, and the report counts what
# the receiver got.  ECAPI_EVENTS says how many events (2100).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $events = $ENV{ECAPI_EVENTS} // 2100;

# Strings, and what becomes of their events at each destination: sent, restricted, or the rule
# that denies.  By the texts of the sections; nobody has consented who was not asked.
my @NAMES = qw(ads careful measurer strict open);
my @STRINGS = (
	[ undef, qw(sent sent sent), 'no string', 'sent' ],
	[ 'DBABTA~1YNN', qw(sent sent sent sent sent) ],
	[ 'DBABTA~1YYN', 'uspv1 sale opt-out', 'restricted', 'sent', 'uspv1 sale opt-out', 'sent' ],
	# California, where the browser asks for it
	[ 'DBABBg~BAAAAAAA.YA', 'usca global privacy control', 'restricted', 'sent', 'usca global privacy control', 'sent' ],
	# a known child without consent
	[ 'DBABBg~BVWSSSVY', ('usca known child') x 4, 'sent' ],
	# the European Union: four vendors, no purpose
	[ 'CPSG_8APSG_8ANwAAAENAwCgAAAAAAAAAAYgACPAAAAA', ('tcfeuv2 purpose without consent') x 3, 'tcfeuv2 vendor without consent', 'sent' ],
	[ 'DBABBg~!!', ('usca unreadable section') x 4, 'sent' ]);

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my %terms = (
	ads => { gpp => 'if_present', uses => 'sale_or_share, targeted_ads, measurement' },
	measurer => { gpp => 'if_present' },
	strict => { gpp => 'required', uses => 'targeted_ads', tcf_vendor_id => 7 },
	open => {});

$cluster->destination($_, $receiver->url("/$_"), $terms{$_}) for qw(ads measurer strict open);
$cluster->destination('careful', $receiver->url('/careful'),
	{ format => 'meta', data_set_id => '1234567890', restricted => 'allow' }, { access_token => 'token' });

my $list = join ', ', map { defined $_->[0] ? "'$_->[0]'" : 'NULL' } @STRINGS;

$cluster->sql("SELECT count(ecapi_emit('purchase', id => 'c-' || i, value => 1, currency_code => 'EUR', source => 'website',
		user_data => jsonb_strip_nulls(jsonb_build_object('email_address', 'p' || i || '\@example.com',
			'event_user_agent', 'Mozilla/5.0', 'gpp_string', (ARRAY[$list])[1 + i % @{[ scalar @STRINGS ]}])),
		properties => '{\"page_url\": \"https://shop.example/thanks\"}')) FROM generate_series(1, $events) i");
$cluster->drained(@NAMES);

# How many events have string n.
sub share
{
	my ($n) = @_;

	return scalar grep { $_ % @STRINGS == $n } 1 .. $events;
}

my (%expected, %came);
for my $n (0 .. $#STRINGS)
{
	my (undef, @outcomes) = @{ $STRINGS[$n] };

	for my $i (0 .. $#NAMES)
	{
		my $rule = $outcomes[$i];
		my $decision = $rule eq 'sent' || $rule eq 'restricted' ? $rule : 'denied';

		$came{ $NAMES[$i] }{$_} = 1 for $decision eq 'denied' ? () : grep { $_ % @STRINGS == $n } 1 .. $events;
		# what is restricted is counted under the rule that asks for it
		$rule = $decision eq 'sent' ? '' : 'consent: ' . ($decision eq 'denied' ? $rule : $outcomes[0]);
		$expected{"$NAMES[$i]|$decision|$rule"} += share($n);
	}
}

# --- what came

my %got;
$receiver->each_record(sub { $got{ ($_[0]{path} =~ m{^/(\w+)})[0] }{ substr $_[0]{id}, 2 }++ });
for my $name (@NAMES)
{
	my @missing = grep { !$got{$name}{$_} } keys %{ $came{$name} };
	my @wrong = grep { !$came{$name}{$_} } keys %{ $got{$name} };

	is(scalar @missing, 0, "$name: what it may have has come");
	is(scalar @wrong, 0, "$name: what it may not have has not") or diag(join ' ', map { $STRINGS[ $_ % @STRINGS ][0] // 'none' } @wrong[ 0 .. 5 ]);
}

my @opted = map { @{ $_->{data} } } $receiver->accepted_bodies('meta');
is(scalar(grep { $_->{opt_out} } @opted), share(2) + share(3), 'those for the restricted mode came in it');
is(scalar(grep { $_->{opt_out} && (substr($_->{event_id}, 2) % @STRINGS) !~ /^[23]$/ } @opted), 0, 'and no other');

# --- evidence

my %reported = map { my ($key, $n) = /^(.*)\|(\d+)$/ or die $_; ($key => $n) }
  split /\n/, $cluster->sql("SELECT destination, decision, coalesce(rule, ''), sum(events)
		FROM ecapi.consent_report(now() - interval '1 day') GROUP BY 1, 2, 3");
is_deeply(\%reported, \%expected, 'the report counts them by decision and rule');
is($cluster->sql("SELECT sum(value) FROM ecapi.consent_report(now() - interval '1 day') WHERE destination = 'ads' AND decision = 'denied'"),
	$events - keys %{ $came{ads} }, 'and the value that was withheld');

is($cluster->sql("SELECT string_agg(destination || ' ' || outcome || ': ' || coalesce(consent, '-'), E'\n' ORDER BY destination)
		FROM ecapi.trace('c-2') WHERE destination IS NOT NULL"), join("\n",
	'ads filtered: refused: uspv1 OptOutSale is Y (sale opt-out)',
	'careful delivered: restricted: uspv1 OptOutSale is Y (sale opt-out)',
	'measurer delivered: allowed: nothing against it',
	'open delivered: -',
	'strict filtered: refused: uspv1 OptOutSale is Y (sale opt-out)'), 'a trace says which field decided');
is($cluster->sql("SELECT decision, reason, consent FROM ecapi.preview('careful', 'c-2')"),
	'send||restricted: uspv1 OptOutSale is Y (sale opt-out)', 'and so does the preview');
unlike($cluster->log_text, qr/DBABTA|1YYN/, 'no string is in the log');

$cluster->stop;
$receiver->stop;
done_testing();
