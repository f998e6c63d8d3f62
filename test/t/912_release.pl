# What a release states beside the sources: one version everywhere, scripts that stay as they were released, and a META.json that PGXN takes.
#
# The version stands in ecapi.control.  The rules of META.json are those of the PGXN Meta Spec 1.0.0, written down here by hand; the
# test also breaks each of them in a copy, so that a rule that finds nothing is noticed.
use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use File::Basename qw(basename);
use FindBin;
use JSON::PP ();
use Test::More;

my $top = "$FindBin::RealBin/../..";

sub text
{
	my ($name) = @_;

	open my $in, '<:raw', "$top/$name" or die "$name: $!\n";
	local $/;
	return <$in>;
}

# --- one version

my ($version) = text('ecapi.control') =~ /^default_version *= *'(.*)'$/m or die 'ecapi.control has no version';
my $meta = JSON::PP->new->decode(text('META.json'));

# PGXN takes three numbers: 1.0 is 1.0.0 there.
my $semantic = join '.', (split(/\./, $version), 0, 0)[ 0 .. 2 ];

# The scripts: from which version to which one they lead; an install script comes from none.
my %leads = map { m{/ecapi--(?:([0-9.]+)--)?([0-9.]+)\.sql$} ? (($1 // '') => [ $2, basename($_) ]) : die "what is $_?" } glob("$top/sql/*.sql");
my ($at, @chain) = ('');

while (my $next = delete $leads{$at})
{
	push @chain, $next->[1];
	$at = $next->[0];
}
is($at, $version, 'the install script and its steps lead to the version of the control file');
is_deeply(\%leads, {}, 'and each script is one of them');
is($meta->{version}, $semantic, 'so has META.json');
is($meta->{provides}{ecapi}{version}, $semantic, 'for the extension, too');
is($meta->{provides}{ecapi}{file}, "sql/$chain[0]", 'it names the install script');
is((text('CHANGELOG.md') =~ /^## (\S+)/m)[0], $version, 'CHANGELOG.md begins with that version');
is((text('debian/changelog') =~ /\Aecapi \((\S+)\)/)[0], $version, 'so does debian/changelog');

# --- what was released

# Databases run these scripts as they were released.  One that is changed later would make new databases differ from those that were
# updated, and no step could tell them apart: a change of the SQL is a step (doc/internals.md, "How to change the SQL surface").  A
# release adds the digest of its step.
my %released = ('ecapi--1.0.sql' => 'a6fc3c5e52c96c95ef71610f70545fb660495099d10bc90562966a6a83dc617b');

foreach my $script (sort keys %released)
{
	is(sha256_hex(text("sql/$script")), $released{$script}, "$script is as it was released; change the SQL by a step instead");
}
is_deeply([ sort keys %released ], [ sort @chain[ 0 .. $#chain - 1 ] ], 'all scripts but the newest were released');

# --- META.json

# Terms have two characters at least, tags one to 256; neither has control characters or slashes, a term no spaces either.
sub is_text { my ($value) = @_; return defined $value && !ref $value && length $value }
sub is_term { my ($value) = @_; return is_text($value) && length $value >= 2 && $value !~ m{[[:space:][:cntrl:]/\\]} }
sub is_tag { my ($value) = @_; return is_text($value) && length $value <= 256 && $value !~ m{[[:cntrl:]/\\]} }
sub is_custom { my ($value) = @_; return $value =~ /\Ax_/i }
sub is_url { my ($value) = @_; return is_text($value) && $value =~ m{\A[a-z][a-z0-9+.-]*://[^/?#]+}i }
sub is_path { my ($value) = @_; return is_text($value) && -e "$top/$value" }

# Semantic Versioning: three numbers without leading zeros, and words after a hyphen or a plus.
my $number = qr/(?:0|[1-9][0-9]*)/;
my $words = qr/[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*/;
my $semver = qr/$number\.$number\.$number(?:-$words)?(?:\+$words)?/;

sub is_version { my ($value) = @_; return is_text($value) && $value =~ /\A$semver\z/ }

# 0, or conditions with commas between them.
sub is_range
{
	my ($value) = @_;

	return is_text($value) && $value =~ /\A(?:0|(?:(?:[<>]=?|[!=]=)\s*)?$semver)(?:\s*,\s*(?:[<>]=?|[!=]=)?\s*$semver)*\z/;
}

my %licence = map { $_ => 1 } qw(agpl_3 apache_1_1 apache_2_0 artistic_1 artistic_2 bsd freebsd gfdl_1_2 gfdl_1_3
  gpl_1 gpl_2 gpl_3 lgpl_2_1 lgpl_3_0 mit mozilla_1_0 mozilla_1_1 openssl perl_5 postgresql qpl_1_0 ssleay sun zlib
  open_source restricted unrestricted unknown);

# one_or_list VALUE CHECK: a value, or a list of one at least.
sub one_or_list
{
	my ($value, $check) = @_;
	my @values = ref $value eq 'ARRAY' ? @$value : ($value);

	return @values && !grep { !$check->($_) } @values;
}

sub is_licence
{
	my ($value) = @_;

	return !grep { !is_url($_) } values %$value if ref $value eq 'HASH' && %$value;
	return one_or_list($value, sub { is_text($_[0]) && $licence{ $_[0] } });
}

# is_map VALUE REQUIRED OPTIONAL: a map with these keys, each with its check, and custom ones.
sub is_map
{
	my ($value, $required, $optional) = @_;
	my %check = (%$required, %$optional);

	return ref $value eq 'HASH' && !(grep { !exists $value->{$_} } keys %$required)
	  && !grep { $check{$_} ? !$check{$_}->($value->{$_}) : !is_custom($_) } keys %$value;
}

# every VALUE NAME CHECK: a map whose keys and values all pass.
sub every
{
	my ($value, $name, $check) = @_;

	return ref $value eq 'HASH' && %$value && !grep { !$name->($_) || !$check->($value->{$_}) } keys %$value;
}

sub one_of { my ($pattern) = @_; return sub { is_text($_[0]) && ($_[0] =~ /\A(?:$pattern)\z/ || is_custom($_[0])) } }

my %required = (
	abstract => \&is_text,
	maintainer => sub { one_or_list($_[0], \&is_text) },
	license => \&is_licence,
	name => \&is_term,
	version => \&is_version,
	provides => sub {
		every($_[0], \&is_term,
			sub { is_map($_[0], { file => \&is_path, version => \&is_version }, { abstract => \&is_text, docfile => \&is_path }) });
	},
	'meta-spec' => sub { is_map($_[0], { version => sub { is_text($_[0]) && $_[0] eq '1.0.0' } }, { url => \&is_url }) });
my %optional = (
	description => \&is_text,
	generated_by => \&is_text,
	tags => sub { one_or_list($_[0], \&is_tag) },
	release_status => sub { is_text($_[0]) && $_[0] =~ /\A(?:stable|testing|unstable)\z/ },
	no_index => sub {
		is_map($_[0], {}, { map { $_ => sub { one_or_list($_[0], \&is_path) } } qw(file directory) });
	},
	prereqs => sub {
		every(
			$_[0],
			one_of('configure|build|test|runtime|develop'),
			sub { every($_[0], one_of('requires|recommends|suggests|conflicts'), sub { every($_[0], \&is_term, \&is_range) }) });
	},
	resources => sub {
		is_map(
			$_[0], {},
			{
				license => sub { one_or_list($_[0], \&is_url) },
				homepage => \&is_url,
				bugtracker => sub { is_map($_[0], {}, { web => \&is_url, mailto => sub { is_text($_[0]) && $_[0] =~ /@/ } }) },
				repository =>
				  sub { is_map($_[0], {}, { url => \&is_url, web => \&is_url, type => sub { is_text($_[0]) && $_[0] eq lc $_[0] } }) }
			});
	});

# The keys that break a rule.
sub problems
{
	my ($data) = @_;
	my %check = (%required, %optional);

	return sort((grep { !exists $data->{$_} } keys %required),
		(grep { $check{$_} ? !$check{$_}->($data->{$_}) : !is_custom($_) } keys %$data));
}

is_deeply([ problems($meta) ], [], 'META.json keeps the rules of PGXN');

# broken KEY VALUE: a copy with this value, undef takes the key out, breaks the rule of this key.
sub broken
{
	my ($key, $value) = @_;
	my %copy = (%$meta, $key => $value);

	delete $copy{$key} unless defined $value;
	is_deeply([ problems(\%copy) ], [$key], "$key: " . JSON::PP->new->allow_nonref->canonical->encode($value) . ' is found');
}

my $provided = $meta->{provides}{ecapi};

broken($_, undef) foreach sort keys %required;
broken(@$_) foreach (
	[ name => 'e' ], [ name => 'e capi' ], [ version => '1.0' ], [ version => '1.00.0' ], [ license => 'postgres' ],
	[ license => { PostgreSQL => 'LICENSE' } ], [ maintainer => [] ], [ abstract => '' ], [ release_status => 'beta' ],
	[ tags => ['a/b'] ], [ tags => [ 'x' x 257 ] ], [ provides => {} ], [ provides => { ecapi => { %$provided, file => 'no.sql' } } ],
	[ provides => { ecapi => { %$provided, version => '1.0' } } ], [ provides => { ecapi => { %$provided, doc => 'README.md' } } ],
	[ prereqs => { runtime => { requires => { PostgreSQL => '15' } } } ], [ prereqs => { run => { requires => { PostgreSQL => 0 } } } ],
	[ prereqs => { runtime => { needs => { PostgreSQL => 0 } } } ], [ no_index => { directory => ['nowhere'] } ],
	[ resources => { homepage => 'nowhere' } ], [ 'meta-spec' => { version => '1.0' } ], [ licence => 'postgresql' ]);
is_deeply([ problems({ %$meta, prereqs => { runtime => { requires => { PostgreSQL => '>= 15.0.0, < 19.0.0' } } } }) ], [],
	'a range is taken');
is_deeply([ problems({ %$meta, x_own => 1 }) ], [], 'so are keys of our own');

done_testing();
