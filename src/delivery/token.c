/*
 * token.c
 *	  Secrets that stand in files of ecapi.credential_directory.
 *
 * An option names a file by its bare name, and the superuser's setting names
 * the one directory where such files lie.  So whoever may write options (an
 * ordinary role with USAGE on the wrapper) can make the server read nothing
 * but what the administrator put there for the purpose.
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
#include "port.h"

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

/*
 * NULL when the setting is empty or the name is not a bare one.  A relative
 * setting counts from the data directory, as elsewhere in the server.
 */
char *
ecapi_token_path(const char *name)
{
	const char *directory = ecapi_credential_directory;

	if (directory == NULL || directory[0] == '\0' ||
		!ecapi_token_name_valid(name))
		return NULL;
	if (is_absolute_path(directory))
		return psprintf("%s/%s", directory, name);
	return psprintf("%s/%s/%s", DataDir, directory, name);
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

/* One line of text, blanks and line ends around it left out?  Else why not. */
static const char *
trim_secret(const char *bytes, size_t len, const char **start, size_t *trimmed)
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

		if (c == '\n' || c == '\r')
			return "holds more than one line";
		if (c < 0x20 || c == 0x7f)
			return "holds control characters";
	}
	*start = bytes;
	*trimmed = len;
	return NULL;
}

char *
ecapi_token_read(const char *name, char *error, size_t error_size)
{
	char		bytes[TOKEN_MAX + 1];
	const char *start;
	const char *wrong;
	char	   *path;
	char	   *secret = NULL;
	size_t		trimmed;
	ssize_t		len;

	if (!ecapi_token_name_valid(name))
	{
		snprintf(error, error_size, "a credential file is named by its bare file name");
		return NULL;
	}
	path = ecapi_token_path(name);
	if (path == NULL)
	{
		snprintf(error, error_size,
				 "credential file \"%s\" cannot be found: set ecapi.credential_directory",
				 name);
		return NULL;
	}

	len = read_plain_file(path, bytes, sizeof(bytes));
	pfree(path);
	if (len < 0)
	{
		if (errno == 0)
			snprintf(error, error_size,
					 "credential file \"%s\" is not a plain file", name);
		else
			snprintf(error, error_size,
					 "could not read credential file \"%s\": %s", name,
					 strerror(errno));
		return NULL;
	}

	if (len > TOKEN_MAX)
		wrong = "is longer than 16 kB";
	else
		wrong = trim_secret(bytes, len, &start, &trimmed);
	if (wrong)
		snprintf(error, error_size, "credential file \"%s\" %s", name, wrong);
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

unsigned long long
ecapi_token_stamp(const char *name)
{
	char	   *path = ecapi_token_path(name);
	unsigned long long stamp = UINT64CONST(14695981039346656037);
	unsigned long long parts[5];
	struct stat st;
	int			i;

	if (path == NULL)
		return 0;
	i = stat(path, &st);
	pfree(path);
	if (i != 0)
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
