# EcapiNode: throw-away servers that have the extension, and what tests of
# their life do with them again and again.
#
#   my $node = ecapi_node('main');                        # started, extension made
#   create_destination($node, 'shop', $receiver->url('/in'));
#   emit($node, 'a', 10);                                 # ids a-1 to a-10
#   wait_received($receiver, 'a', 10);
#
# A node is a PostgreSQL::Test::Cluster: it listens on a socket only and is
# stopped, by its own process id, when the test ends.  Every function takes an
# optional database => NAME (default postgres).
#
# All waiting is for conditions.  Core Perl and the server's own modules only.
package EcapiNode;

use strict;
use warnings;

use Exporter qw(import);
use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Test::More;

our @EXPORT = qw(ecapi_node ecapi_settings create_destination emit rows refused
  wait_sql wait_state wait_delivered wait_received ids_received log_text holds_none);

# What postgresql.conf needs beside the defaults; preload => 0 leaves the
# library out.  log_statement is off, so that a log holds what the server itself
# says and not what a test asked it.
sub ecapi_settings
{
	my (%options) = @_;
	my $text = "log_statement = none\nmax_prepared_transactions = 16\n";

	$text .= "shared_preload_libraries = 'ecapi'\n" if $options{preload} // 1;
	$text .= "ecapi.credential_directory = '$options{credentials}'\n"
	  if defined $options{credentials};
	return $text . ($options{conf} // '');
}

# A started node.  Options: init => [arguments of init], conf => TEXT,
# credentials => DIR, preload => 0, extension => 0 (do not create it).
sub ecapi_node
{
	my ($name, %options) = @_;
	my $node = PostgreSQL::Test::Cluster->new($name);

	$node->init(@{ $options{init} // [] });
	$node->append_conf('postgresql.conf', ecapi_settings(%options));
	$node->start;
	$node->safe_psql('postgres', 'CREATE EXTENSION ecapi') if $options{extension} // 1;
	return $node;
}

# A destination; options => 'further options', mapping => 'options of its
# PUBLIC user mapping'.
sub create_destination
{
	my ($node, $name, $url, %options) = @_;
	my $more = defined $options{options} ? ", $options{options}" : '';
	my $sql = "CREATE SERVER $name FOREIGN DATA WRAPPER ecapi OPTIONS (url '$url',"
	  . " data_set_id 'shop'$more);";

	$sql .= "CREATE USER MAPPING FOR PUBLIC SERVER $name OPTIONS ($options{mapping});"
	  if defined $options{mapping};
	$node->safe_psql($options{database} // 'postgres', $sql);
	return;
}

# Emit $count purchases PREFIX-1 to PREFIX-count in one transaction.
sub emit
{
	my ($node, $prefix, $count, %options) = @_;

	$node->safe_psql($options{database} // 'postgres',
		"SELECT count(ecapi_emit('purchase', value => i, currency_code => 'EUR',"
		  . " id => '$prefix-' || i)) FROM generate_series(1, $count) i");
	return;
}

# The output of a query, as text.
sub rows
{
	my ($node, $sql, %options) = @_;

	return $node->safe_psql($options{database} // 'postgres', $sql);
}

# Run a statement that must fail; returns what psql said.
sub refused
{
	my ($node, $sql, %options) = @_;
	my ($status, $out, $error) = $node->psql($options{database} // 'postgres', $sql,
		on_error_stop => 1);

	isnt($status, 0, "refused: " . ($options{name} // $sql));
	return $error;
}

# Wait until a query gives t.
sub wait_sql
{
	my ($node, $what, $sql, %options) = @_;

	$node->poll_query_until($options{database} // 'postgres', $sql)
	  or die "timed out waiting until $what\n";
	return;
}

# Wait until the view shows a state (a regular expression) and, where given, a
# detail that matches.
sub wait_state
{
	my ($node, $name, $state, %options) = @_;
	my $detail = $options{detail} // '';

	wait_sql($node, "destination $name is $state",
		"SELECT EXISTS (SELECT FROM ecapi.destination WHERE destination = '$name'"
		  . " AND state ~ '^($state)\$' AND coalesce(detail, '') ~ '$detail')", %options);
	return;
}

# Wait until nothing waits for a destination, as its cursor says.
sub wait_delivered
{
	my ($node, $name, %options) = @_;

	wait_sql($node, "everything is delivered to $name",
		"SELECT backlog = 0 AND state = 'idle' FROM ecapi.destination"
		  . " WHERE destination = '$name'", %options);
	return;
}

# Distinct ids that a receiver got, as a hash: id => how many times.
sub ids_received
{
	my ($receiver, $prefix) = @_;
	my %seen;

	for my $record ($receiver->records)
	{
		my $id = $record->{id} // next;

		$seen{$id}++ if !defined $prefix || $id =~ /^\Q$prefix\E-/;
	}
	return \%seen;
}

# Wait until a receiver has PREFIX-1 to PREFIX-count; returns the hash.
sub wait_received
{
	my ($receiver, $prefix, $count) = @_;

	$receiver->wait_for(sub { keys %{ ids_received($_, $prefix) } >= $count },
		"$count events $prefix");
	my $seen = ids_received($receiver, $prefix);
	is(scalar(keys %$seen), $count, "$count events $prefix arrived, no other");
	return $seen;
}

# The log of a node so far.
sub log_text
{
	my ($node) = @_;

	return slurp_file($node->logfile);
}

# A test: none of the words is in the text.  The text is not printed.
sub holds_none
{
	my ($text, $words, $name) = @_;
	my @found = grep { index(lc $text, lc $_) >= 0 } @$words;

	is(join(' ', @found), '', $name);
	return;
}

1;
