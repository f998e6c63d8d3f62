/*
 * server_fault.h
 *	  Faults of the server that touch what ecapi promises, by version.
 */
#ifndef ECAPI_SERVER_FAULT_H
#define ECAPI_SERVER_FAULT_H

typedef struct EcapiServerFault
{
	int			minor[4];		/* of 15, 16, 17 and 18: the first release that is free of it;
								 * 0: there is none with it */
	const char *what;			/* "events can ..." */
} EcapiServerFault;

/*
 * The first fault, from *next on, of a server whose number is version (150020: 15.20);
 * NULL when there is no more.  *next begins with 0, and is moved on.  minor: the release
 * of its major version to install.
 */
extern const EcapiServerFault *ecapi_server_fault(int version, int *next, int *minor);

#endif							/* ECAPI_SERVER_FAULT_H */
