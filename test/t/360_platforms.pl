# Every format against the receiver in its platform's place: one event at fault in a full
# request costs none of its neighbours, a credential that is refused costs no event, and a
# platform that asks for less is asked again later.  How many requests an event at fault
# costs is printed.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster qw(literal);
use EcapiFormats qw(%FORMAT @RECEIVER formats_of write_secrets format_destination purchases);
use EcapiReceiver;
use Test::More;

my $receiver = EcapiReceiver->start(args => \@RECEIVER);
my $cluster = EcapiCluster->create;
my @formats = formats_of($cluster);

sub drop { return $cluster->sql("DROP SERVER $_[0] CASCADE") }

sub failed_rows
{
	my ($name, $columns) = @_;

	return $cluster->sql("SELECT $columns FROM ecapi.failed_event WHERE destination = " . literal($name) . ' ORDER BY seq');
}

# What came to paths that begin with "/NAME/": records, requests.
sub records_of { return grep { index($_->{path}, "/$_[0]/") == 0 } $receiver->records }
sub requests_of { return grep { index($_->{path}, "/$_[0]/") == 0 } $receiver->requests }

# Test that a destination's events arrived, each once.
sub arrived
{
	my ($name, $what, @ids) = @_;
	my %times;

	$times{ $_->{id} }++ for records_of($name);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is(join(' ', grep { !$times{$_} } @ids), '', "$what: none is missing");
	is(scalar(keys %times), scalar(@ids), "$what: nothing else came");
	is(join(' ', grep { $times{$_} > 1 } sort keys %times), '', "$what: none came twice");
	is(join(' ', grep { $_ ne 'ok' } map { $_->{verdict} } records_of($name)), '', "$what: each is as the platform wants it");
	return;
}

cmp_ok(scalar @formats, '>=', 3, 'formats: ' . join(' ', @formats));

for my $format (@formats)
{
	my $row = $FORMAT{$format};
	my $count = $row->{batch};
	my $bad = int($count * 0.618);
	my @person = $row->{alone} ? (person => 1) : ();

	write_secrets($cluster, $format, 'good');

	# --- one event at fault in a full request

	my $name = "${format}_bad";
	format_destination($cluster, $receiver, $format, $name, "/$name/reject-if=poison", batch_size => $count);
	$cluster->sql(purchases('b-', 1, $count, poison => [$bad], @person));
	$cluster->drained($name);
	arrived($name, "$format, one at fault of $count", map { "b-$_" } grep { $_ != $bad } 1 .. $count);
	my @requests = requests_of($name);
	is($requests[0]{events}, $count, "$format: the request was full");
	if ($row->{silent})
	{
		is(failed_rows($name, 'event_id'), '', "$format: the platform says nothing, so nothing is known");
	}
	else
	{
		is(failed_rows($name, 'event_id, reason'), "b-poison-$bad|rejected by the receiver", "$format: it alone fails");
		like(failed_rows($name, 'answer'), $row->{words}, "$format: with the platform's words");
		unlike(failed_rows($name, 'answer'), qr/planted/, "$format: and no datum of a person");
		is($cluster->row($name)->{delivered} . ' ' . $cluster->row($name)->{failed}, $count - 1 . ' 1', "$format: the view counts them");
	}
	cmp_ok(@requests - 1, '<=', $row->{further} // 0, "$format: in few requests");
	diag "$format: requests of ", join(' ', map { $_->{events} } @requests), " events";
	diag "$format: one event at fault of $count: " . (@requests - 1) . ' further requests, 0 neighbours lost';
	drop($name);

	# --- a credential that is refused

	if ($row->{dead})
	{
		$name = "${format}_dead";
		write_secrets($cluster, $format, 'dead');
		format_destination($cluster, $receiver, $format, $name, "/$name/x");
		$cluster->sql(purchases('d-', 1, 50, @person));
		$cluster->wait_row($name, "state IN ('stopped', 'waiting') AND detail LIKE " . literal($row->{dead}));
		my $is = $cluster->row($name);
		is("$is->{delivered} $is->{failed} $is->{backlog}", '0 0 50', "$format: a dead credential: no event is blamed, none is lost");
		write_secrets($cluster, $format, 'good');
		$cluster->drained($name);
		arrived($name, "$format, another credential", map { "d-$_" } 1 .. 50);
		is(failed_rows($name, 'event_id'), '', "$format: nothing failed");
		drop($name);
	}

	# --- less, please

	$name = "${format}_busy";
	format_destination($cluster, $receiver, $format, $name, "/$name$row->{busy}/first=2", batch_size => 20);
	$cluster->sql(purchases('t-', 1, 20, @person));
	$cluster->drained($name);
	arrived($name, "$format, throttled", map { "t-$_" } 1 .. 20);
	is($cluster->row($name)->{failed}, 0, "$format: none is blamed for it");
	is(join(' ', map { $_->{events} || 20 } requests_of($name)), '20 20 20', "$format: the same request is made again");
	drop($name);
}

$cluster->stop;
$receiver->stop;
done_testing();
