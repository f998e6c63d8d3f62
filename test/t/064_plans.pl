# What a function of ours is given never stands in a plan: auto_explain, at its most
# talkative, logs no identifier, event id or digest of a nested statement.  The
# values come from a table, so that the statements of the test hold none themselves.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start;
my $cluster = EcapiCluster->create;
$cluster->destination('rejects', $receiver->url('/rejects/reject-if=planted'));
$cluster->sql(<<'SQL');
CREATE TABLE given (id text, email text);
INSERT INTO given VALUES ('plantedOrder', 'plantedPerson@secret.example');
SQL
$cluster->emit('good-', 1, 3);
$cluster->drained('rejects');

my $talkative = <<'SQL';
LOAD 'auto_explain';
SET auto_explain.log_min_duration = 0;
SET auto_explain.log_nested_statements = on;
SET auto_explain.log_verbose = on;
SQL
sub quietly
{
	my ($sql) = @_;

	return $cluster->sql($talkative . $sql);
}

# Each more often than the server tries plans of its own.
quietly("SELECT ecapi_emit('purchase', value => 5, currency_code => 'EUR', id => id,"
	  . " user_data => jsonb_build_object('email_address', email)) FROM given");
$cluster->wait_sql("SELECT count(*) = 1 FROM ecapi.failed_event WHERE destination = 'rejects'", 'the event has failed');
quietly("SELECT ecapi.retry('rejects', id) FROM given") for 1 .. 2;
quietly("SELECT count(*) FROM given, ecapi.trace(id)") for 1 .. 2;
quietly("SELECT count(*) FROM given, ecapi.preview('rejects', id)") for 1 .. 2;
quietly('SELECT ecapi.cancel(id) FROM given') for 1 .. 2;
quietly('SELECT count(*) FROM given, ecapi.forget(email)') for 1 .. 2;
quietly('SELECT ecapi.remember(email) FROM given') for 1 .. 2;

my $log = $cluster->log_text;
like($log, qr/Query Text: .*ecapi\.forgotten/, 'nested statements are in the log');
like($log, qr/Query Text: .*ecapi\.cancellation/, 'of several functions');
my @found = grep { /planted/i } split /\n/, $log;
is(scalar(@found), 0, 'no value that was given is in a plan');
diag("in the log: $_") for splice(@found, 0, 5);
unlike($log, qr/'\\x[0-9a-f]{64}'/, 'nor a digest of one');
$cluster->stop;
done_testing();
