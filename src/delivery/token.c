/*
 * token.c
 *	  Secrets that stand in files of ecapi.credential_directory.
 *
 * An option names a file by its bare name, and the superuser's setting names
 * the one directory where such files are.  An ordinary role's destinations
 * read the files of the subdirectory of its name and no others: a role that
 * could name another's file could send the token in it to a machine of its own.
 * So an ordinary role with USAGE on the wrapper makes the server read nothing
 * but what the administrator put there for it.
 *
 * Symbolic links inside the directory are followed: only the administrator can
 * make one, and secret stores that mount files (Kubernetes, for one) publish
 * each as a link to the current version.  What is then open must be a plain
 * file: a FIFO would block the worker, a device would never end.
 *
 * The content is never part of a message, and the copy made on the way is
 * wiped.  Owns no descriptor beyond a call; nothing can raise an error while
 * one is open.  No locks.
 */
#include "postgres.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "miscadmin.h"

#include "delivery/token.h"
#include "settings.h"

/* Bearer tokens that are signed documents reach a few kB. */
#define TOKEN_MAX	(16 * 1024)

bool
ecapi_token_name_valid(const char *name)
{
	const unsigned char *at;

	if (name[0] == '\0' || name[0] == '.' || strlen(name) >= MAXPGPATH / 2)
		return false;
	for (at = (const unsigned char *) name; *at != '\0'; at++)
	{
		if (*at < 0x20 || *at == 0x7f || *at == '/' || *at == '\\')
			return false;
	}
	return true;
}

/* A relative setting counts from the data directory, as elsewhere in the server. */
char *
ecapi_token_path(const char *role, const char *name, char *error, size_t error_size)
{
	const char *directory = ecapi_credential_directory;

	if (!ecapi_token_name_valid(name))
		snprintf(error, error_size, "a credential file is named by its bare file name");
	else if (role != NULL && !ecapi_token_name_valid(role))
		snprintf(error, error_size,
				 "credential file \"%s\" cannot be found: the name of role \"%s\" cannot be that of a directory",
				 name, role);
	else if (directory == NULL || directory[0] == '\0')
		snprintf(error, error_size,
				 "credential file \"%s\" cannot be found: set ecapi.credential_directory",
				 name);
	else
		return psprintf("%s%s%s%s%s/%s",
						is_absolute_path(directory) ? "" : DataDir,
						is_absolute_path(directory) ? "" : "/", directory,
						role != NULL ? "/" : "", role != NULL ? role : "", name);
	return NULL;
}

/* Say of a role's file what is wrong with it. */
static void
file_is_wrong(const char *role, const char *name, const char *wrong,
			  char *error, size_t error_size)
{
	snprintf(error, error_size, "credential file \"%s%s%s\" %s",
			 role != NULL ? role : "", role != NULL ? "/" : "", name, wrong);
}

void
ecapi_token_unreadable(const char *role, const char *name, int saved_errno,
					   char *error, size_t error_size)
{
	snprintf(error, error_size, "could not read credential file \"%s%s%s\": %s",
			 role != NULL ? role : "", role != NULL ? "/" : "", name,
			 strerror(saved_errno));
}

/*
 * Read up to size bytes.  Returns how many, or -1 with errno set (0 when the
 * file is not a plain one).
 */
static ssize_t
read_plain_file(const char *path, char *bytes, size_t size)
{
	struct stat st;
	size_t		len = 0;
	ssize_t		got = 0;
	int			save_errno;
	int			fd;

	/* O_NONBLOCK: opening a FIFO that nobody writes to must not wait */
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	if (fd < 0)
		return -1;
	if (fstat(fd, &st) != 0)
		got = -1;
	else if (!S_ISREG(st.st_mode))
	{
		got = -1;
		errno = 0;
	}
	else
	{
		while (len < size && (got = read(fd, bytes + len, size - len)) != 0)
		{
			if (got < 0 && errno == EINTR)
				continue;
			if (got < 0)
				break;
			len += got;
		}
	}
	save_errno = errno;
	close(fd);
	errno = save_errno;
	return got < 0 ? -1 : (ssize_t) len;
}

/*
 * Find the text, without blanks and line ends around it, or say why not: of one line,
 * unless it may have several.
 */
static const char *
trim_secret(const char *bytes, size_t len, bool lines, const char **start, size_t *trimmed)
{
	size_t		i;

	while (len > 0 && strchr(" \t\r\n", bytes[len - 1]) && bytes[len - 1] != '\0')
		len--;
	while (len > 0 && strchr(" \t\r\n", bytes[0]) && bytes[0] != '\0')
	{
		bytes++;
		len--;
	}
	if (len == 0)
		return "is empty";
	for (i = 0; i < len; i++)
	{
		unsigned char c = (unsigned char) bytes[i];

		if (lines && strchr("\t\r\n", c) && c != '\0')
			continue;
		if (c == '\n' || c == '\r')
			return "holds more than one line";
		if (c < 0x20 || c == 0x7f)
			return "holds control characters";
	}
	*start = bytes;
	*trimmed = len;
	return NULL;
}

static char *
read_secret_file(const char *role, const char *name, bool lines,
				 char *error, size_t error_size)
{
	char		bytes[TOKEN_MAX + 1];
	const char *start;
	const char *wrong;
	char	   *path;
	char	   *secret = NULL;
	size_t		trimmed;
	ssize_t		len;

	path = ecapi_token_path(role, name, error, error_size);
	if (path == NULL)
		return NULL;
	len = read_plain_file(path, bytes, sizeof(bytes));
	pfree(path);
	if (len < 0)
	{
		if (errno == 0)
			file_is_wrong(role, name, "is not a plain file", error, error_size);
		else
			ecapi_token_unreadable(role, name, errno, error, error_size);
		return NULL;
	}

	if (len > TOKEN_MAX)
		wrong = "is longer than 16 kB";
	else
		wrong = trim_secret(bytes, len, lines, &start, &trimmed);
	if (wrong)
		file_is_wrong(role, name, wrong, error, error_size);
	else
	{
		/* without an error while the secret lies on the stack */
		secret = palloc_extended(trimmed + 1, MCXT_ALLOC_NO_OOM);
		if (secret)
		{
			memcpy(secret, start, trimmed);
			secret[trimmed] = '\0';
		}
		else
			snprintf(error, error_size, "out of memory");
	}
	explicit_bzero(bytes, sizeof(bytes));
	return secret;
}

char *
ecapi_token_read(const char *role, const char *name, char *error, size_t error_size)
{
	return read_secret_file(role, name, false, error, error_size);
}

char *
ecapi_token_read_lines(const char *role, const char *name, char *error, size_t error_size)
{
	return read_secret_file(role, name, true, error, error_size);
}

/* Look at a file; false when that cannot be done. */
static bool
look_at(const char *role, const char *name, struct stat *st)
{
	char		error[256];
	char	   *path = ecapi_token_path(role, name, error, sizeof(error));
	int			rc;

	if (path == NULL)
		return false;
	rc = stat(path, st);
	pfree(path);
	return rc == 0;
}

/* The time of its content, or of its name where an older file took its place. */
time_t
ecapi_token_changed_at(const char *role, const char *name)
{
	struct stat st;

	if (!look_at(role, name, &st))
		return 0;
	return Max(st.st_mtime, st.st_ctime);
}

unsigned long long
ecapi_token_stamp(const char *role, const char *name)
{
	unsigned long long stamp = UINT64CONST(14695981039346656037);
	unsigned long long parts[5];
	struct stat st;
	int			i;

	if (!look_at(role, name, &st))
		return 0;

	/* FNV-1a by words: any part that differs gives another number */
	parts[0] = st.st_dev;
	parts[1] = st.st_ino;
	parts[2] = st.st_size;
	parts[3] = st.st_mtim.tv_sec;
	parts[4] = st.st_mtim.tv_nsec;
	for (i = 0; i < lengthof(parts); i++)
		stamp = (stamp ^ parts[i]) * UINT64CONST(1099511628211);
	return stamp != 0 ? stamp : 1;
}
