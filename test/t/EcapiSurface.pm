# EcapiSurface: the SQL surface of the extension in a database, as text to compare.
#
#   my ($new, $updated) = map { EcapiSurface::of($cluster->in($_)) } qw(new updated);
#   is($new, $updated, 'the same objects');
#
# It is what pg_dump --binary-upgrade writes of an extension's members (definitions,
# owners, rights, comments, membership), and below that the catalog's dependencies,
# initial rights and tables whose rows are dumped.  Numbers of objects and transactions are
# left out, which differ in each database.
package EcapiSurface;

use strict;
use warnings;

use PostgreSQL::Test::Utils;

my $members = q{(SELECT classid, objid FROM pg_depend WHERE deptype = 'e' AND refclassid = 'pg_extension'::regclass
	AND refobjid = (SELECT oid FROM pg_extension WHERE extname = 'ecapi'))};

# A member, or a part of one: an index, a constraint, a trigger, a rule, a default.
my $own = qq{(WITH RECURSIVE own AS (
	SELECT classid, objid FROM $members m
	UNION SELECT d.classid, d.objid FROM own o JOIN pg_depend d ON d.refclassid = o.classid AND d.refobjid = o.objid
	WHERE d.deptype IN ('i', 'a', 'P', 'S') AND d.classid <> 'pg_trigger'::regclass
		OR d.classid = 'pg_trigger'::regclass AND d.deptype = 'a' AND o.classid = 'pg_class'::regclass)
	SELECT classid, objid FROM own)};

my @queries = (
	qq{SELECT pg_describe_object(d.classid, d.objid, d.objsubid) || ' needs ' || pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
		|| ' (' || d.deptype::text || ')' FROM pg_depend d WHERE (d.classid, d.objid) IN $own},
	qq{SELECT 'initial rights on ' || pg_describe_object(i.classoid, i.objoid, i.objsubid) || ': ' || i.privtype::text
		|| ' ' || array_to_string(i.initprivs, ' ') FROM pg_init_privs i WHERE (i.classoid, i.objoid) IN $members},
	q{SELECT 'rows of ' || c::regclass || ' are dumped ' || w FROM pg_extension, unnest(extconfig, extcondition) u (c, w) WHERE extname = 'ecapi'},
	q{SELECT concat_ws(' ', 'extension', extname, extversion, extrelocatable, extowner::regrole, extnamespace::regnamespace)
		FROM pg_extension WHERE extname = 'ecapi'});

# The surface in the database of an EcapiCluster.  Objects of users must be the same, too,
# or not be there.
sub of
{
	my ($cluster) = @_;
	my ($dump, $said) = run_command([ 'pg_dump', '--binary-upgrade', '--schema-only', '-d', $cluster->connstr($cluster->database) ]);

	die "pg_dump: $said" if $dump eq '';
	# numbers of objects, of transactions and of sequences; the word by which newer versions close a dump
	$dump =~ s/^(?:SELECT pg_catalog\.(?:binary_upgrade_set_\w+|setval)\(.*\);|\\(?:un)?restrict .*)\n//mg;
	$dump =~ s/(SELECT pg_catalog\.binary_upgrade_create_empty_extension\(.*)/$1 =~ s{\b\d{4,}\b}{N}gr/meg;
	$dump =~ s/((?:rel|dat)(?:frozenxid|minmxid)|WHERE oid) = '\d+'/$1/g;
	$dump =~ s/^-- For binary upgrade, .*\n//mg;
	return join "\n", $dump,
	  map { $cluster->sql("SELECT * FROM ($_) q (line) ORDER BY line COLLATE \"C\"") =~ s/\bpg_toast_\d+/pg_toast_N/gr } @queries;
}

1;
