# 910_reference.pl - doc/reference.md against the catalog and the tables of options.
#
# Each function, view, table, setting, option, state, reason and message that exists
# stands in its table of the page, with its arguments and columns, and nothing else
# stands there.  A name counts where it stands in backticks.
use strict;
use warnings;

use Cwd qw(abs_path);
use File::Basename qw(dirname);
use File::Find qw(find);
use PostgreSQL::Test::Utils;
use Test::More;

use lib dirname(abs_path(__FILE__));
use EcapiCluster;

my $top = dirname(abs_path(__FILE__)) . '/../..';
my $page = slurp_file("$top/doc/reference.md");

# The sources by name, which is unique.
my %source;
find(sub { $source{$_} = slurp_file($_) if /\.([ch]|sql)$/ }, "$top/src", "$top/sql");

sub source
{
	my ($name) = @_;

	return $source{$name} // die "no source file $name";
}

my $cluster = EcapiCluster->create;

# Rows of a query, each a list.
sub rows
{
	my ($query) = @_;

	return map { [ split /\|/, $_, -1 ] } split /\n/, $cluster->sql($query);
}

# The rows of the tables under a heading, up to the next one of its rank: [ first cell, row ].
sub table
{
	my ($heading) = @_;
	my ($rank) = $heading =~ /^(#+)/;
	my ($section) = $page =~ /^\Q$heading\E\n(.*?)(?=^#{1,@{[ length $rank ]}} |\z)/ms;
	my (@rows, @lines);

	die "no section $heading" unless defined $section;
	@lines = split /\n/, $section;
	for my $i (0 .. $#lines)
	{
		next if $lines[$i] !~ /^\| (.*?) \|/ || ($lines[ $i + 1 ] // '') =~ /^\|---/;
		push @rows, [ $1, $lines[$i] ];
	}
	return @rows;
}

# The words in backticks of a cell, in front of any bracket.
sub named
{
	my ($cell) = @_;

	return map { /^(?:CALL )?([\w.]+)/ ? $1 : () } $cell =~ /`([^`]+)`/g;
}

# What a table names in its first column is what there is.
sub complete
{
	my ($heading, $what, @there) = @_;
	my %stands = map { $_ => 1 } map { named($_->[0]) } table($heading);
	my %there = map { $_ => 1 } @there;

	ok(@there > 0, "$what exist");
	is(join(' ', sort grep { !$stands{$_} } keys %there), '', "$what: each stands in the reference");
	is(join(' ', sort grep { !$there{$_} } keys %stands), '', "$what: all that stands in the reference exist");
	return;
}

# What a file of src says of a destination or the worker, its parts of a literal joined.
sub texts_of
{
	my ($file) = @_;
	my $text = source($file);
	my @texts;

	$text =~ s/"\s*\n\s*"//g;
	push @texts, $text =~ /(?:no_launcher\[\] =|message =|\?|return(?: psprintf\()?|ecapi_state_stop\(destination,|ecapi_slot_failed\(slot, number,\s*) ?"([^"]{12,})"/g;
	return map { s/%s.*//r } @texts;
}

# functions, with what they take and return
my @functions = rows(<<'END');
SELECT CASE WHEN n.nspname = 'ecapi' THEN 'ecapi.' ELSE '' END || p.proname, array_to_string(p.proargnames, ' ')
FROM pg_proc p JOIN pg_namespace n ON n.oid = p.pronamespace
WHERE n.nspname = 'ecapi' OR p.proname = 'ecapi_emit'
END
my %text;

complete('## Functions', 'functions', map { $_->[0] } @functions);
for my $row (table('## Functions'))
{
	$text{$_} .= $row->[1] for named($row->[0]);
}
for my $function (@functions)
{
	my ($name, $arguments) = @$function;
	my @missing = grep { ($text{$name} // '') !~ /\b\Q$_\E\b/ } split ' ', $arguments;

	is(join(' ', @missing), '', "$name: its arguments and columns stand in its row");
}

# views and tables, with their columns
my @relations = map { $_->[0] } rows(<<'END');
SELECT 'ecapi.' || c.relname FROM pg_class c
WHERE c.relnamespace = 'ecapi'::regnamespace AND c.relkind IN ('v', 'r', 'p') AND NOT c.relispartition
END
my %listed = map { $_ => 1 } map { named($_->[0]) } table('### Tables of the extension');

is(join(' ', sort grep { !$listed{$_} && $page !~ /^### \Q$_\E$/m } @relations), '',
	'each view and table has a section or is listed');
for my $name ($page =~ /^### (ecapi\.\w+)$/mg)
{
	complete("### $name", "columns of $name", map { $_->[0] } rows(<<"END"));
SELECT attname FROM pg_attribute WHERE attrelid = to_regclass('$name') AND attnum > 0 AND NOT attisdropped
END
}
my %linked = map { $_ => 1 } map { named($_->[0]) } table('## Views and tables');
is(join(' ', grep { !$linked{$_} } $page =~ /^### (ecapi\.\w+)$/mg), '', 'each section is in the list of views');
is(join(' ', sort grep { my $n = $_; !grep { $_ eq $n } @relations } grep { /^ecapi\./ } keys %linked), '',
	'each view in the list exists');

# What pg_monitor may read; of tables of its own the page says that it is not.
for my $row (grep { $_->[0] =~ /^\[/ } table('## Views and tables'))
{
	my ($name) = named($row->[0]);
	my $may = $cluster->sql("SELECT has_table_privilege('pg_monitor', '$name', 'SELECT')");

	is($row->[1] =~ /\| yes[^|]* \|$/ ? 't' : 'f', $may, "$name: whether pg_monitor may read it");
}

# settings; pg_settings does not show all
my %settings = map { $_->[0] => $_->[1] } rows("SELECT name, context FROM pg_settings WHERE name LIKE 'ecapi.%'");
$settings{$_} //= 'hidden' for map { /DefineCustom\w+\(\s*"(ecapi\.\w+)"/g } values %source;
my %taking = (postmaster => 'restart', sighup => 'reload');
complete('## Settings', 'settings', keys %settings);
for my $row (table('## Settings'))
{
	my ($name) = named($row->[0]);
	my $taken = (split / \| /, $row->[1])[3];

	is($taken, $taking{ $settings{$name} }, "$name: when it takes effect") if $taking{ $settings{$name} // '' };
}

# options
my %options;
my $table = source('options.c');
push @{ $options{$2} }, $1 while $table =~ /^\t\{"(\w+)", (SERVER|MAPPING)\b/mg;
complete('## Server options', 'options of a server', @{ $options{SERVER} // [] });
complete('## User mapping options', 'options of a user mapping', @{ $options{MAPPING} // [] });

# options of formats' own; a secret may stand in a file, a document only there
my @own;
for my $list (map { /EcapiOwnOption \w+\[\w*\] = \{(.*?)^\};/ms } values %source)
{
	for my $row (split /\n\t\[/, $list)
	{
		my ($name) = $row =~ /^\w+\] = \{"(\w+)"/ or next;

		push @own, $name unless $row =~ /\.lines = true/;
		push @own, "${name}_file" if $row =~ /\.secret = true/;
	}
}
my %own = map { $_ => 1 } @own;
complete('## Options of formats', 'options of formats', keys %own);

# states, as the comment of the view lists them
my $states = $cluster->sql(<<'END');
SELECT col_description(attrelid, attnum) FROM pg_attribute
WHERE attrelid = 'ecapi.destination'::regclass AND attname = 'state'
END
my %known = map { /^\| `([^`]+)` \|/ ? ($1 => 1) : () } map { $_->[1] } table('## States of a destination');
is(join(', ', sort keys %known), join(', ', sort split /,? or |, /, $states), 'states of a destination');

# reasons of the stages that decide about an event
my @reasons;
for my $file (qw(policy.c select.c reduce.c), grep { /^(?:format|meta|tiktok|microsoft|linkedin|snap)_\w+\.c$/ } keys %source)
{
	push @reasons, source($file) =~ /(?:reason =|return) [^";]*"([a-z][^":]*)"(?: : NULL)?;/g;
}
my $explained = join "\n", map { $_->[1] } table('## Reasons and outcomes');
ok(@reasons > 10, 'there are reasons');
is(join(', ', sort grep { $explained !~ /`\Q$_\E`/ } @reasons), '', 'each reason stands in the reference');

# messages that are one text; what stands for a value in it is left out
my @messages = map { texts_of($_) } qw(workerapi.c guard.c pipeline.c launcher.c);
my $remedies = join "\n", map { $_->[1] } table('## Messages of a destination');
ok(@messages > 8, 'there are messages');
is(join(', ', sort grep { $remedies !~ /\Q$_\E/ } @messages), '', 'each message stands in the reference');
my @failures = source('failure.c') =~ /"(could not [^"]+|no [^"]+)"/g;
ok(@failures > 5, 'there are failures of requests');
is(join(', ', sort grep { $remedies !~ /\Q$_\E/ } @failures), '', 'so does each failure of a request');

# Nothing else stands there: a message and a reason are in the sources, part by part:
# without what is a value in it (in quotes, a number, an ellipsis), and cut where the
# code or the view joins two.
sub not_in_sources
{
	my (@quoted) = @_;
	my $sources = join "\n", map { s/"\s*\n\s*"//gr } values %source;

	return join ', ', grep {
		grep { length > 3 && index($sources, $_) < 0 } map { s/^[\W\d]+|[\W\d]+$//gr } split /"[^"]*"|…|: |\b\d+\b| (?=that other)/
	} @quoted;
}

my @quoted = map { (split / \| /, $_->[1])[1] =~ /`([^`]+)`/g } table('## Messages of a destination');
ok(@quoted > 20, 'the reference has messages');
is(not_in_sources(@quoted), '', 'each message of the reference is in the sources');
@quoted = map { $_->[0] =~ /`([^`]+)`/g } table('## Reasons and outcomes');
is(not_in_sources(@quoted), '', 'so is each reason');

# Click ids: the manual's table against the project's, and what formats look up is in it.
my $rows = slurp_file("$top/src/event/click_ids.def");
my ($section) = slurp_file("$top/doc/tracking.md") =~ /^### Click ids\n(.*?)^##/ms;
my (@there, @stand, %key);

while ($rows =~ /^ECAPI_CLICK_ID\((\w+), "(.*?)", "(.*?)", "(.*?)", (\w+), "(.*?)",/mg)
{
	my ($key, $platform, $parameter, $cookie, $kind, $wrapped) = ($1, $2, $3, $4, $5, $6);

	$key{$key} = 1;
	push @there, join '|', $key, $platform, $parameter, $cookie . ($wrapped ne '' ? ', wrapped' : ''), lc $kind;
}
push @stand, join '|', map { s/`//gr =~ s/^\s+|\s+$//gr } split /\|/, $1 while $section =~ /^\| (`.*?) \|$/mg;
is(join("\n", @stand), join("\n", @there), "the table of click ids is the project's");
cmp_ok(scalar @there, '>', 20, 'which has them all');
my @looked_up = map {
	$source{$_} =~ /(?:ecapi_match_click|ecapi_match_cookie|cookie_of)\(&?\w+, "(\w+)"/g,
	  $source{$_} =~ /"click_ids", "(\w+)"/g
} sort keys %source;
ok(@looked_up > 1, 'formats look click ids up');
is(join(' ', grep { !$key{$_} } @looked_up), '', 'each of them is in the table');

$cluster->stop;
done_testing();
