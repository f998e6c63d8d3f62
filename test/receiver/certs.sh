#!/bin/sh
# Make throw-away certificates for tests of HTTPS.
#
#   certs.sh DIR
#
# leaves in DIR, all PEM, keys readable by their owner only:
#   ca.pem                  the authority that signed the two servers
#   server.pem  server.key  for localhost, 127.0.0.1 and ::1
#   wrong.pem   wrong.key   the same authority, but for another host's name
#   other-ca.pem            an authority that signed neither
#
# Valid for a year: every test run makes its own.
set -eu

[ $# -eq 1 ] || { echo "usage: certs.sh DIR" >&2; exit 1; }
mkdir -p "$1"
cd "$1"
umask 077

authority()		# NAME COMMON_NAME
{
	openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1.key" -out "$1.pem" -days 365 -subj "/CN=$2" \
		-addext basicConstraints=critical,CA:TRUE \
		-addext keyUsage=critical,keyCertSign,cRLSign 2>/dev/null
}

server()		# NAME COMMON_NAME ALTERNATIVE_NAMES
{
	openssl req -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
		-keyout "$1.key" -out "$1.csr" -subj "/CN=$2" 2>/dev/null
	printf '%s\n' "subjectAltName=$3" basicConstraints=critical,CA:FALSE \
		extendedKeyUsage=serverAuth >"$1.ext"
	openssl x509 -req -in "$1.csr" -CA ca.pem -CAkey ca.key -CAcreateserial \
		-out "$1.pem" -days 365 -extfile "$1.ext" 2>/dev/null
	rm -f "$1.csr" "$1.ext"
}

authority ca "receiver test authority"
authority other-ca "unrelated test authority"
server server localhost "DNS:localhost,IP:127.0.0.1,IP:::1"
server wrong receiver.invalid "DNS:receiver.invalid"
rm -f ca.srl other-ca.key
