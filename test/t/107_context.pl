# ecapi.context where the library is not preloaded: it comes in the middle of a
# session, and what the setting was before this transaction is not this
# transaction's, whichever way and level it was set on.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use Test::More;

my $cluster = EcapiCluster->create(name => 'unloaded', preload => 0);

$cluster->sql(q(
	CREATE TABLE visits (id int PRIMARY KEY);
	SELECT ecapi.track('visits', 'login', mapping => '{}');
	CREATE ROLE visitor_of_role SUPERUSER LOGIN;
	ALTER ROLE visitor_of_role SET ecapi.context = '{"ext": {"who": "role"}}';
	CREATE FUNCTION visit_as_ann(int) RETURNS void LANGUAGE sql SET ecapi.context = '{"ext": {"who": "ann"}}'
	AS 'INSERT INTO public.visits VALUES ($1)';
));

my $value = sub { return qq('{"ext": {"who": "$_[0]"}}') };
my $ann = $value->('ann');
my $ben = $value->('ben');

# name, what the session does (:n is its row), whose the event is
my @cases = (
	[ 'a plain SET of an earlier transaction', "SET ecapi.context = $ann; INSERT INTO visits VALUES (:n)", '' ],
	[ 'set_config() for the session, earlier', "SELECT set_config('ecapi.context', $ann, false); INSERT INTO visits VALUES (:n)", '' ],
	[ 'the library comes between', "SET ecapi.context = $ann; LOAD 'ecapi'; INSERT INTO visits VALUES (:n)", '' ],
	[ 'or in the transaction', "SET ecapi.context = $ann; BEGIN; LOAD 'ecapi'; INSERT INTO visits VALUES (:n); COMMIT", '' ],
	[ 'or in the one that set it before it was committed', "BEGIN; SET ecapi.context = $ann; LOAD 'ecapi'; COMMIT; INSERT INTO visits VALUES (:n)", '' ],
	[ 'DISCARD ALL', "SET ecapi.context = $ann; DISCARD ALL; INSERT INTO visits VALUES (:n)", '' ],
	[ 'RESET in the transaction', "BEGIN; SET LOCAL ecapi.context = $ann; RESET ecapi.context; INSERT INTO visits VALUES (:n); COMMIT", '' ],
	[ 'SET LOCAL of this transaction', "BEGIN; SET LOCAL ecapi.context = $ann; INSERT INTO visits VALUES (:n); COMMIT", 'ann' ],
	[ 'a plain SET of this transaction', "BEGIN; SET ecapi.context = $ann; INSERT INTO visits VALUES (:n); COMMIT", 'ann' ],
	[ 'set_config() of this transaction', "BEGIN; SELECT set_config('ecapi.context', $ann, true); INSERT INTO visits VALUES (:n); COMMIT", 'ann' ],
	[ 'LOAD behind it', "BEGIN; SET LOCAL ecapi.context = $ann; LOAD 'ecapi'; INSERT INTO visits VALUES (:n); COMMIT", 'ann' ],
	[ 'over that of another transaction', "SET ecapi.context = $ann; BEGIN; SET LOCAL ecapi.context = $ben; INSERT INTO visits VALUES (:n); COMMIT", 'ben' ],
	[ 'rolled back to that of another transaction',
		"SET ecapi.context = $ann; BEGIN; SAVEPOINT s; SET LOCAL ecapi.context = $ben; LOAD 'ecapi'; ROLLBACK TO s; INSERT INTO visits VALUES (:n); COMMIT", '' ],
	[ 'rolled back to that of this transaction',
		"BEGIN; SET LOCAL ecapi.context = $ann; SAVEPOINT s; SET LOCAL ecapi.context = $ben; LOAD 'ecapi'; ROLLBACK TO s; INSERT INTO visits VALUES (:n); COMMIT", 'ann' ],
	[ 'over a plain SET of this transaction',
		"BEGIN; SET ecapi.context = $ann; SET LOCAL ecapi.context = $ben; INSERT INTO visits VALUES (:n); COMMIT", 'ben' ],
	[ 'which is not the next one\'s',
		"BEGIN; SET ecapi.context = $ann; SET LOCAL ecapi.context = $ben; LOAD 'ecapi'; COMMIT; INSERT INTO visits VALUES (:n)", '' ],
	[ 'after a transaction was prepared',
		"BEGIN; SET ecapi.context = $ann; PREPARE TRANSACTION 'p:n'; COMMIT PREPARED 'p:n'; INSERT INTO visits VALUES (:n)", '' ],
	[ 'a function\'s own', 'SELECT visit_as_ann(:n)', 'ann' ],
	[ 'a function\'s own, and behind it', "SET ecapi.context = $ben; BEGIN; SELECT visit_as_ann(1000 + :n); INSERT INTO visits VALUES (:n); COMMIT", '' ],
);

my $n = 0;
foreach my $case (@cases)
{
	my ($name, $sql, $who) = @$case;

	$n++;
	$cluster->sql($sql =~ s/:n/$n/gr);
	is(whose($n), $who, $name);
}

# what a connection begins with is no transaction's
$n++;
{
	local $ENV{PGOPTIONS} = '-c ecapi.context={"ext":{"who":"options"}}';
	$cluster->sql("INSERT INTO visits VALUES ($n)");
}
is(whose($n), '', 'PGOPTIONS');
$n++;
$cluster->sql("INSERT INTO visits VALUES ($n)", extra_params => [ '-U', 'visitor_of_role' ]);
is(whose($n), '', 'ALTER ROLE SET');
$cluster->sql(qq(ALTER DATABASE postgres SET ecapi.context = $ann));
$n++;
$cluster->sql("INSERT INTO visits VALUES ($n)");
is(whose($n), '', 'ALTER DATABASE SET');
$n++;
$cluster->sql("BEGIN; SET LOCAL ecapi.context = $ben; INSERT INTO visits VALUES ($n); COMMIT");
is(whose($n), 'ben', 'and what the transaction sets over it');

sub whose
{
	return $cluster->sql("SELECT coalesce(event->'ext'->>'who', '') FROM ecapi.outbox WHERE event->>'id' = 'visits:$_[0]:login'");
}

$cluster->stop;
done_testing();
