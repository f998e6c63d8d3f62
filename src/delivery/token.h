/*
 * token.h
 *	  Secrets that stand in files of ecapi.credential_directory.
 *
 * A file is named by its bare name and belongs to a role: destinations of a
 * superuser (role NULL) read the files of the directory itself, those of any
 * other role the files of the subdirectory of that role's name.
 */
#ifndef ECAPI_TOKEN_H
#define ECAPI_TOKEN_H

#include <stdbool.h>
#include <stddef.h>
#include <time.h>

/* Bare file name: no directory part, not empty, not hidden, no control bytes. */
extern bool ecapi_token_name_valid(const char *name);

/*
 * Read a secret.  Returns a palloc'd, trimmed, one-line text, or NULL with a
 * reason in error that names the file and never its content.  The file must
 * be a plain file of at most 16 kB.  Raises nothing but out-of-memory.
 */
extern char *ecapi_token_read(const char *role, const char *name,
							  char *error, size_t error_size);

/* The same for a document, which may have several lines: a key in its file. */
extern char *ecapi_token_read_lines(const char *role, const char *name,
									char *error, size_t error_size);

/*
 * palloc'd absolute path of a role's file; NULL, with the reason in error, when
 * ecapi.credential_directory is not set, or when the name is not a bare one or
 * the role's name cannot be that of a directory.
 */
extern char *ecapi_token_path(const char *role, const char *name,
							  char *error, size_t error_size);

/* Say in error why a file could not be read, and where it is looked for. */
extern void ecapi_token_unreadable(const char *role, const char *name, int saved_errno,
								   char *error, size_t error_size);

/*
 * A number that differs when the file was replaced or rewritten (from inode,
 * size and modification time); 0 when it cannot be looked at.
 */
extern unsigned long long ecapi_token_stamp(const char *role, const char *name);

/* When the file was replaced or rewritten last; 0 when it cannot be looked at. */
extern time_t ecapi_token_changed_at(const char *role, const char *name);

#endif							/* ECAPI_TOKEN_H */
