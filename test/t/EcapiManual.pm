# EcapiManual: blocks of the manual, SQL and configuration, that need another server than that of 900_readme, or several.
#
#   my $sql = servers('tracking', 'hub track', 'host=a.example.com' => $connection);
#
# gives the block of doc/tracking.md behind the line "<!-- servers hub track -->", with
# texts replaced by others.  A block that is not there, or there twice, and a text that is
# not in any of a page's blocks, is an error: so nothing of the manual goes untested because
# its wording changed.
package EcapiManual;

use strict;
use warnings;

use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use PostgreSQL::Test::Utils ();

our @EXPORT_OK = qw(servers);

my $manual = dirname(abs_path(__FILE__)) . '/../../doc';

sub servers
{
	my ($page, $where, %replaced) = @_;
	my $text = PostgreSQL::Test::Utils::slurp_file("$manual/$page.md");
	my %blocks;

	while ($text =~ /^<!-- servers (.*?) -->\n+```\w+\n(.*?)^```$/msg)
	{
		die "$page: two blocks \"$1\"" if exists $blocks{$1};
		$blocks{$1} = $2;
	}
	my $sql = $blocks{$where} // die "$page: no block \"$where\"";

	for my $from (sort keys %replaced)
	{
		die "$page: no block has \"$from\"" unless grep { index($_, $from) >= 0 } values %blocks;
		$sql =~ s/\Q$from\E/$replaced{$from}/g;
	}
	return $sql;
}

1;
