# Prometheus, with Debian's exporter: what the manual gives for it is valid, the two ways to
# the metrics say the same, each of the eleven alert rules goes into alarm and out of it by what
# really happens, and each query of the dashboard has rows.
#
# Rules look at hours.  So that a test can wait for them their times are shorter here, by
# @SHORTER and nothing else; the rules as they are, are tested by promtool over series
# (prometheus_rules.yaml).
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(holds_none);
use EcapiFormats qw(format_destination write_secrets);
use EcapiPrometheus;
use EcapiReceiver;
use EcapiWait qw(wait_until);
use File::Copy qw(copy);
use JSON::PP;
use PostgreSQL::Test::Utils;
use Test::More;

plan skip_all => 'needs the packages ' . join(', ', EcapiPrometheus::missing()) if EcapiPrometheus::missing();

my $top = "$FindBin::RealBin/../..";
my $dir = PostgreSQL::Test::Utils::tempdir_short();
my $promtool = $EcapiPrometheus::PROGRAM{promtool};
my $rules = slurp_file("$top/doc/prometheus-rules.yaml");

my @SHORTER = (
	[ qr/\[10m\]|\[15m\]/ => '[20s]' ], [ qr/\[1h\]/ => '[30s]' ], [ qr/\[1d\] offset 1h/ => '[60s] offset 20s' ],
	[ qr/for: \d+m/ => 'for: 2s' ], [ qr/> 900\b/ => '> 3' ], [ qr/> 3600\b/ => '> 3' ]);

# --- the files, by themselves

copy("$top/doc/prometheus-rules.yaml", $dir) or die "copy: $!";
copy("$FindBin::RealBin/prometheus_rules.yaml", $dir) or die "copy: $!";
command_ok([ $promtool, 'check', 'rules', "$dir/prometheus-rules.yaml" ], 'the rules are valid');
command_ok([ $promtool, 'test', 'rules', "$dir/prometheus_rules.yaml" ], 'each fires when it should, and not else');

my @alerts = $rules =~ /- alert: (\w+)/g;
my $cases = slurp_file("$dir/prometheus_rules.yaml");
my %heading = map { (lc($_) =~ s/[^\w\- ]//gr =~ tr/ /-/r) => 1 } slurp_file("$top/doc/monitoring.md") =~ /^#+ (.*)$/mg;

is(scalar @alerts, 11, 'there are eleven');
for my $alert (@alerts)
{
	like($cases, qr/eval_time: \w+\n\s+alertname: $alert\n\s+exp_alerts:/, "$alert: a case fires");
	like($cases, qr/eval_time: \w+, alertname: $alert\}/, "$alert: a case does not");
	my ($annotations) = $rules =~ /- alert: $alert\n.*?annotations:\n((?: {10}.*\n)+)/s;
	like($annotations, qr/summary: '.+'/, "$alert: has a summary");
	my ($runbook) = $annotations =~ /runbook: 'monitoring\.md#([\w-]+)'/;
	ok($heading{ $runbook // '' }, "$alert: its runbook is a section of the manual");
}

# --- a server with destinations of all kinds, and a database that has one of the same name

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
my $other = $cluster->in('other');
my @names = qw(stops lags rejects given consents matches fails);
my @hostile = (qq{a"b\\c<script>\n}, "\xe5\xba\x97" x 21);

$cluster->sql('CREATE DATABASE other');
$other->sql('CREATE EXTENSION ecapi');
$cluster->sql('CREATE ROLE monitoring LOGIN; GRANT pg_monitor TO monitoring');
$cluster->destination('stops', $receiver->url('/stops/status=404/first=1'));
$cluster->destination($_, $receiver->url("/$_")) for qw(lags given);
$cluster->destination('rejects', $receiver->url('/rejects/reject-if=refused'), { batch_size => 4 });
$cluster->destination('consents', $receiver->url('/consents'), { gpp => 'required' });
$cluster->destination('fails', $receiver->url('/fails'));
write_secrets($cluster, 'meta', 'good');
format_destination($cluster, $receiver, 'meta', 'matches', '/matches', batch_size => 10);
$other->destination('stops', $receiver->url('/other'));
for my $name (@hostile)
{
	$cluster->destination($name =~ s/"/""/gr, $receiver->url('/hostile'), { mode => 'shadow', data_set_id => 'hostile' });
}
$cluster->sql(<<'END');
CREATE TABLE orders (id int PRIMARY KEY, total numeric NOT NULL);
SELECT ecapi.track('orders', 'purchase', '{"value": "total", "currency_code": "''EUR''", "data_set_id": "''orders''"}');
END

# Events for one destination, by its data set.
sub emit
{
	my ($node, $data_set, $id, $n, %fields) = @_;
	my $fields = join '', map { ", $_ => $fields{$_}" } sort keys %fields;

	return $node->sql("SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR', data_set_id => '$data_set',"
		  . " id => '$id-' || clock_timestamp() || '-' || i$fields)) FROM generate_series(1, $n) i");
}

# What the shop does all the time; of some destinations, also what goes wrong with them.
my %wrong;
my %person = (
	source => "'website'", properties => q('{"page_url": "https://shop.example/thanks"}'),
	user_data => q(jsonb_build_object('email_address', 'plantedperson' || i || '@secret.example', 'event_user_agent', 'Mozilla/5.0')));
my %nobody = (%person, user_data => q('{}'));

sub traffic
{
	emit($cluster, 'rejects', 'fine', 4);
	emit($cluster, 'rejects', 'refused', 4) if $wrong{rejects};
	emit($cluster, 'consents', 'consent', 4, user_data => $wrong{consents} ? q('{}') : q('{"gpp_string": "DBABTA~1YNN"}'));
	emit($cluster, '1234567890', 'match', 4, $wrong{matches} ? %nobody : %person);
	emit($cluster, 'fails', 'fail', 1);
	return;
}

traffic();
$cluster->drained(qw(rejects consents matches fails));
emit($other, 'stops', 'other', 3);
$other->drained('stops');
$cluster->sql('INSERT INTO orders VALUES (1, 10)');
# a value that cannot be used
emit($cluster, 'rejects', 'phone', 1, user_data => q('{"phone_numbers": "plantedphone"}'));
$cluster->drained('rejects');

my $shorter = $rules;
for my $change (@SHORTER)
{
	$shorter =~ s/$change->[0]/$change->[1]/g;
}
my $prometheus = EcapiPrometheus->start($cluster, role => 'monitoring', databases => [ 'postgres', 'other' ],
	queries => "$top/doc/prometheus-queries.yaml", rules => $shorter);

# --- the text itself

for my $node ($cluster, $other)
{
	append_to_file("$dir/metrics", $node->sql("SELECT ecapi.metrics('prometheus')") . "\n");
	my ($out, $error) = ('', '');
	IPC::Run::run([ $promtool, 'check', 'metrics' ], '<', "$dir/metrics", '>', \$out, '2>', \$error);
	is("$out$error", '', 'promtool has nothing to say of the text');
	unlink "$dir/metrics";
}

# --- both ways say the same

# Names and labels of a job's series, without what the way adds.
sub series_of
{
	my ($job) = @_;
	my @series;

	for my $row ($prometheus->query(qq({__name__=~"ecapi_.*",datname="postgres",job="$job"})))
	{
		my %labels = %{ $row->{metric} };

		delete @labels{qw(job instance server)};
		$labels{le} += 0 if exists $labels{le} && $labels{le} ne '+Inf';
		push @series, join ' ', map { "$_=$labels{$_}" } sort keys %labels;
	}
	return @series;
}

# Series that one of two jobs has, and not the other.
sub differ
{
	my @jobs = @_;
	my %of = map { my $job = $_; $job => { map { $_ => 1 } series_of($job) } } @jobs;
	my @found;

	for my $pair ([ @jobs ], [ reverse @jobs ])
	{
		push @found, map { "$pair->[0]: $_" } grep { !$of{ $pair->[1] }{$_} } sort keys %{ $of{ $pair->[0] } };
	}
	return join "\n", %{ $of{ $jobs[0] } } ? @found : 'no series';
}

$prometheus->wait_query(qq(ecapi_outbox_bytes{job="$_"}), "$_ is scraped") for qw(exporter openmetrics textfile);
is($prometheus->query('pg_exporter_last_scrape_error != 0'), 0, 'the exporter has no error');
unlike($prometheus->exporter_log, qr/level=(?:error|warn)/, 'and logs none');
is(differ('exporter', 'openmetrics'), '', 'the exporter has the series of ecapi.metrics()');
is(differ('textfile', 'openmetrics'), '', 'so has the text format of before');
is(join(' ', sort map { "$_->{metric}{datname}=$_->{value}" } $prometheus->query('ecapi_events_total{destination="stops",outcome="delivered",job="exporter"}')),
	'other=3 postgres=0', 'two databases with a destination of one name are told apart');
my %seen = map { $_->{metric}{destination} => 1 } $prometheus->query('count by (destination) (ecapi_destination_state{job="exporter"})');
utf8::decode(my $chinese = $hostile[1]);
ok($seen{ $hostile[0] } && $seen{$chinese}, 'names of all kinds are labels as they are');
for my $text ($prometheus->exported, $cluster->sql('SELECT ecapi.metrics()'), $cluster->sql("SELECT ecapi.metrics('prometheus')"))
{
	holds_none($text, [ 'planted', 'secret.example', 'Mozilla', 'shop.example', '127.0.0.1:' . $receiver->port ],
		'no personal datum, no secret and no URL is in it');
}

# --- alarms

# Names of the alerts that fire, with their destinations.
sub firing { return join ' ', sort map { "$_->{alertname}:" . ($_->{destination} // $_->{datname}) } $prometheus->firing }

# Wait, while the shop goes on, until exactly these are among those that fire, or none of them is.
sub wait_firing
{
	my ($fires, @wanted) = @_;

	return wait_until(
		sub {
			my %fires = map { $_ => 1 } split / /, firing();

			traffic();
			return $fires ? !grep { !$fires{$_} } @wanted : !grep { $fires{$_} } @wanted;
		},
		($fires ? 'these fire: ' : 'these do not: ') . "@wanted", sub { 'fire: ' . firing() . "\n" . $cluster->_explain });
}

# Something happens: the alert fires, and for that alone.
sub fires { my ($alert, $what) = @_; ok(wait_firing(1, $alert), "$what: $alert fires"); return }
sub ends { my ($alert, $what) = @_; ok(wait_firing(0, $alert), "$what: $alert ends"); return }

# a day of quiet, in short
wait_until(sub { traffic(); scalar(() = $prometheus->query('count_over_time(ecapi:unidentified:ratio1h{job="exporter",destination="matches"}[60s] offset 20s) > 3'
			. ' and on () count_over_time(ecapi:consent_denied:ratio1h{job="exporter",destination="consents"}[60s] offset 20s) > 3')) },
	'shares of a while ago are known');
is(firing(), '', 'nothing fires');

# the outbox: before anything waits in it
emit($cluster, 'none', 'filler', 20000, properties => q(jsonb_build_object('coupon', repeat('x', 500))));
$cluster->drained(@names);
my $limit = int($cluster->sql('SELECT bytes FROM ecapi.outbox_use') / 0.84 / 1024 / 1024);
$cluster->sql("ALTER SYSTEM SET ecapi.outbox_limit = '${limit}MB'");
$cluster->reload;
fires('EcapiOutboxNearLimit:postgres', 'a limit that is nearly reached');
$cluster->sql('ALTER SYSTEM RESET ecapi.outbox_limit');
$cluster->reload;
ends('EcapiOutboxNearLimit:postgres', 'with room');

# a month passes for what waits
$cluster->pause('given');
emit($cluster, 'given', 'given', 5);
$cluster->wait_sql("SELECT ecapi_emit('login', data_set_id => 'none') IS NOT NULL AND EXISTS (SELECT FROM ecapi.tick t WHERE pg_visible_in_snapshot("
	  . "(SELECT max(xid) FROM ecapi.outbox WHERE event->>'id' LIKE 'given-%'), t.snapshot))", 'a tick sees them');
$cluster->sql("UPDATE ecapi.tick SET ticked_at = ticked_at - interval '40 days'");
$cluster->reload;

$cluster->pause('lags');
emit($cluster, $_, $_, 1) for qw(stops lags);
my $open = $cluster->background_psql('postgres');
$open->query_safe('BEGIN');
$open->query_safe("SELECT ecapi_emit('login', data_set_id => 'none') IS NOT NULL");
$cluster->alter('fails', url => $receiver->url('/fails/status=503'));
$wrong{$_} = 1 for qw(rejects consents matches);
fires('EcapiEventsGivenUp:given', 'events that are too old');
fires('EcapiDestinationStopped:stops', 'a receiver that is not there');
fires('EcapiLagGrows:lags', 'a destination that was left paused');
fires('EcapiEventsRejected:rejects', 'every other event is refused');
fires('EcapiConsentDenialsJump:consents', 'consent strings are gone');
fires('EcapiMatchFalls:matches', 'identifiers are gone');
fires('EcapiRequestsFail:fails', 'a receiver with errors');
fires('EcapiOutboxHeld:postgres', 'a transaction is left open');

my %expected = map { $_ => 1 } qw(EcapiEventsGivenUp:given EcapiDestinationStopped:stops EcapiLagGrows:lags EcapiLagGrows:given EcapiLagGrows:fails EcapiEventsRejected:rejects
	EcapiConsentDenialsJump:consents EcapiMatchFalls:matches EcapiRequestsFail:fails EcapiOutboxHeld:postgres
	EcapiRequestsFail:rejects EcapiRequestsFail:stops);
is(join(' ', grep { !$expected{$_} } split / /, firing()), '', 'nothing else fires, but for what follows from it');

# --- the dashboard, while there is something to see

my $dashboard = decode_json(slurp_file("$top/doc/grafana-dashboard.json"));
my %variable = (datname => '.*', destination => '.*', __rate_interval => '20s');
my $queries = 0;

is(join(' ', sort map { $_->{name} } @{ $dashboard->{templating}{list} }), 'datname destination source', 'the dashboard has its variables');
for my $panel (@{ $dashboard->{panels} })
{
	ok($panel->{fieldConfig}{defaults}{unit}, "panel \"$panel->{title}\" has a unit");
	for my $target (@{ $panel->{targets} })
	{
		my $expression = $target->{expr} =~ s/\$(\w+)/$variable{$1} \/\/ die "variable $1"/ger;
		# its recording rule is one of those with shorter times
		my @rows = $prometheus->query($expression);

		cmp_ok(scalar @rows, '>', 0, "panel \"$panel->{title}\" has rows: $target->{expr}");
		$queries++;
	}
}
cmp_ok($queries, '>', 10, 'queries were run');
for my $variable (grep { $_->{type} eq 'query' } @{ $dashboard->{templating}{list} })
{
	my ($query, $label) = $variable->{definition} =~ /^label_values\((.*), (\w+)\)$/ or die "variable $variable->{name}";

	$query =~ s/\$(\w+)/$variable{$1}/g;
	cmp_ok(scalar(grep { defined $_->{metric}{$label} } $prometheus->query("group by ($label) ($query)")), '>', 1, "variable $variable->{name} has values");
}

# --- all is well again

%wrong = ();
$open->query_safe('COMMIT');
$open->quit;
$cluster->alter('fails', url => $receiver->url('/fails'));
$cluster->resume($_) for qw(stops lags given);
ends('EcapiEventsGivenUp:given', 'nothing more is given up');
ends('EcapiDestinationStopped:stops', 'resumed');
ends('EcapiLagGrows:lags', 'resumed');
ends('EcapiEventsRejected:rejects', 'no event is refused');
ends('EcapiConsentDenialsJump:consents', 'consent strings are back');
ends('EcapiMatchFalls:matches', 'identifiers are back');
ends('EcapiRequestsFail:fails', 'the receiver answers');
ends('EcapiOutboxHeld:postgres', 'the transaction has ended');
wait_until(sub { traffic(); firing() eq '' }, 'nothing fires', \&firing);

# --- no worker

$cluster->sql('ALTER SYSTEM SET max_worker_processes = 0');
$cluster->sql('ALTER SYSTEM SET max_logical_replication_workers = 0');
$cluster->restart;
fires("EcapiWorkerGone:$_", 'no worker can start') for qw(postgres other);
$cluster->sql('ALTER SYSTEM RESET ALL');
$cluster->restart;
$cluster->wait_worker;
ends("EcapiWorkerGone:$_", 'workers are back') for qw(postgres other);

# --- a second worker that has no process: the launcher and two leads take all

$cluster->sql('ALTER SYSTEM SET max_worker_processes = 3');
$cluster->sql('ALTER SYSTEM SET max_logical_replication_workers = 0');
$cluster->restart;
$cluster->in($_)->wait_worker for qw(postgres other);
$cluster->sql('ALTER SYSTEM SET ecapi.workers = 2');
$cluster->reload;
fires('EcapiWorkersMissing:postgres', 'no process for a second worker');
$cluster->sql('ALTER SYSTEM SET ecapi.workers = 1');
$cluster->reload;
ends('EcapiWorkersMissing:postgres', 'one is enough');

$cluster->stop;
done_testing();
