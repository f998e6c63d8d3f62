# ecapi.check() names the faults of the server's release that touch events: those that the table
# of src/base/server_fault.c has of the server that runs, and, whatever that is, those of a
# library with another table, in which this very release is amid the ones that fixed them.
use strict;
use warnings;

use FindBin;
use lib $FindBin::RealBin;

use EcapiCluster;
use EcapiInstallation;
use PostgreSQL::Test::Utils;
use Test::More;

my $SOURCE = 'src/base/server_fault.c';
my $ROW = qr/^\t\{\{([\d, ]+)\},\n?\s*"([^"\n]+)"\},$/m;
my $FAULTS = '^PostgreSQL .* has a fault';

my $copy = EcapiInstallation->create;
my $table = slurp_file("$FindBin::RealBin/../../$SOURCE");
my $cluster = EcapiCluster->create(install_path => $copy->path);
my $number = $cluster->sql('SHOW server_version_num');
my ($major, $minor) = (int($number / 10000), $number % 10000);

# What the doctor is to say: a line for each fault of a table that this release still has.
sub expected
{
	my ($text) = @_;
	my @lines;

	while ($text =~ /$ROW/g)
	{
		my ($free, $what) = ((split /, /, $1)[ $major - 15 ], $2);

		push @lines, "PostgreSQL $major.$minor has a fault: $what -- Install PostgreSQL $major.$free, or a later minor release, and restart the server."
		  if $minor < $free;
	}
	return join "\n", @lines;
}

my @cells = $table =~ /$ROW/g;
is(@cells / 2, scalar(() = $table =~ /^\t\{\{/mg), 'each row of the table was read');
is($cluster->doctor('warning', $FAULTS), expected($table), "of this server, $major.$minor, it says what the table has");
is($cluster->doctor('warning', '^(?!PostgreSQL .* has a fault)'), '', 'and warns of nothing else');
diag("PostgreSQL $major.$minor has " . (() = expected($table) =~ /^PostgreSQL/mg) . ' of them');

# fixed by the release before this one, by this one, by the next and the one after that, never there
my @fixed = ($minor - 1, $minor, $minor + 1, $minor + 2, 0);
my $n = 0;
my $other = $table =~ s[$ROW]{ my $free = $fixed[ $n++ % @fixed ]; $free = 0 if $free < 0; "\t{{" . join(', ', ($free) x 4) . "},\n\t\"$2\"}," }ger;

$copy->put($copy->build_with($SOURCE, $other));
$cluster->restart;
isnt(expected($other), '', 'in the other table this release has faults');
is($cluster->doctor('warning', $FAULTS), expected($other), 'which the doctor names, and the minor release to install, and none that were fixed');
is($cluster->doctor('error'), '', 'none of which is an error');
$cluster->sql("SELECT ecapi_emit('login', id => 'works')");
is($cluster->sql('SELECT count(*) FROM ecapi.outbox'), 1, 'nor keeps events out');

$cluster->stop;
done_testing();
