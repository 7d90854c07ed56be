//go:build ignore

// The line above keeps Go from compiling this file: preload.go does.
/*
 * Firedrill's denylist for dynamically linked programs: preloaded (LD_PRELOAD), it makes lookups of chosen host names
 * fail, or leads them to an address that nobody answers at, while the proxy says so. docs/denylist.md says what it
 * does and what escapes it; denylist/README.md is the format of the state that it shares with the proxy.
 *
 * It must never break its host: it allocates nothing, writes nothing, takes no lock, keeps errno, and passes
 * everything through where anything is in doubt. What it calls is in every libc since glibc 2.17 under one name: fstat,
 * say, is not. preload.go checks that.
 * Threads: all that changes is atomic. Fork: a child shares the state, and owns a copy of the names.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define EXPORT __attribute__((visibility("default")))
#define MAGIC 0x31594e4544524446ull /* "FDRDENY1" */
#define PAGE 4096
#define BUFFER (512 << 10)
#define MAX_NAME 253

enum mode { NXDOMAIN = 1, REFUSED = 2, BLACKHOLE = 3, SLOW = 4 };

struct control { /* the first page; the only one that is written to from here */
	uint64_t magic;
	uint32_t current;   /* 0: nothing is denied; else a generation, whose lowest bit is its buffer */
	uint32_t loaded;    /* processes that have checked in */
	uint32_t denied[2]; /* by buffer */
	uint32_t buffer;    /* its size */
	uint32_t reserved[9];
	char spared[64]; /* never denied: where the Runtime API is */
};

struct denial { /* the head of a buffer */
	uint32_t mode, tables;
	uint64_t delay; /* nanoseconds */
	uint64_t until; /* nanoseconds since 1970; 0: no end */
	uint16_t hole;  /* a port of 127.0.0.1 that takes connections and never accepts them; 0: none */
	uint8_t pad[6];
	uint8_t class[256];
};

struct table { /* behind it: uint16_t next[states][classes] */
	uint32_t states, accepting, start, classes;
};

static struct control *control;
static const char *buffers;

/* real finds the function that ours stands before. */
#define REAL(name)                                                                      \
	static __typeof__(&name) found;                                                 \
	__typeof__(&name) real = __atomic_load_n(&found, __ATOMIC_RELAXED);             \
	if (!real) {                                                                    \
		real = (__typeof__(&name))dlsym(RTLD_NEXT, #name);                      \
		__atomic_store_n(&found, real, __ATOMIC_RELAXED);                       \
	}

static void copy(void *to, const void *from, size_t n) {
	for (size_t i = 0; i < n; i++) ((volatile char *)to)[i] = ((const char *)from)[i];
}

static size_t length(const char *s) {
	size_t n = 0;
	while (n <= MAX_NAME + 1 && s[n]) n++;
	return n;
}

static int same(const char *a, const char *b, size_t n) {
	for (size_t i = 0; i < n; i++)
		if (a[i] != b[i]) return 0;
	return 1;
}

__attribute__((constructor)) static void load(void) {
	int kept = errno;
	const char *path = getenv("FIREDRILL_DENYLIST");
	int fd = path && *path ? open(path, O_RDWR | O_CLOEXEC) : -1;
	if (fd >= 0) {
		struct control *c = MAP_FAILED;
		const char *b = MAP_FAILED;
		if (lseek(fd, 0, SEEK_END) == PAGE + 2 * BUFFER) {
			c = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
			b = mmap(NULL, 2 * BUFFER, PROT_READ, MAP_SHARED, fd, PAGE);
		}
		if (c != MAP_FAILED && b != MAP_FAILED && c->magic == MAGIC && c->buffer == BUFFER) {
			buffers = b;
			__atomic_fetch_add(&c->loaded, 1, __ATOMIC_RELAXED);
			__atomic_store_n(&control, c, __ATOMIC_RELEASE);
		} else {
			if (c != MAP_FAILED) munmap(c, PAGE);
			if (b != MAP_FAILED) munmap((void *)b, 2 * BUFFER);
		}
		close(fd);
	}
	errno = kept;
}

/* verdict is what becomes of a name. */
struct verdict {
	uint32_t generation, mode;
	uint64_t delay;
	uint16_t hole;
};

static uint32_t armed(void) {
	struct control *c = __atomic_load_n(&control, __ATOMIC_ACQUIRE);
	return c ? __atomic_load_n(&c->current, __ATOMIC_ACQUIRE) : 0;
}

/* walk runs one table over a name. Whatever it reads may be changing: it stays within the buffer. */
static int walk(const struct table *t, const uint8_t *class, const char *name, size_t n, const char *end) {
	struct table h = *(const volatile struct table *)t;
	const uint16_t *next = (const uint16_t *)(t + 1);
	if (h.states > 65535 || h.classes > 256 || (uint64_t)h.states * h.classes * 2 > (uint64_t)(end - (const char *)next)) return 0;
	uint32_t state = h.start;
	for (size_t i = 0; i < n; i++) {
		uint32_t c = class[(uint8_t)name[i]];
		if (state >= h.states || c >= h.classes) return 0;
		state = next[state * h.classes + c];
	}
	return state >= h.accepting && state < h.states;
}

static int listed(const struct denial *d, const char *end, const char *name, size_t n) {
	uint32_t tables = *(const volatile uint32_t *)&d->tables;
	const char *at = (const char *)(d + 1);
	for (uint32_t i = 0; i < tables; i++) {
		if ((size_t)(end - at) < sizeof(struct table)) return 0;
		const struct table *t = (const struct table *)at;
		if (walk(t, d->class, name, n, end)) return 1;
		uint64_t size = sizeof *t + (((uint64_t)t->states * t->classes * 2 + 7) & ~7ull);
		if (size > (uint64_t)(end - at)) return 0;
		at += size;
	}
	return 0;
}

/* judge says whether a name is denied. A writer never waits for it: it looks again if the state has changed. */
static int judge(const char *name, size_t n, struct verdict *v) {
	uint32_t generation;
	for (int tries = 0; tries < 4 && (generation = armed()); tries++) {
		if (n > 0 && name[n - 1] == '.') n--;
		if (n == 0 || n > MAX_NAME) return 0;
		if (n < sizeof control->spared && same(name, control->spared, n) && !control->spared[n]) return 0;
		const char *start = buffers + (generation & 1) * BUFFER;
		const struct denial *d = (const struct denial *)start;
		int hit = listed(d, start + BUFFER, name, n);
		*v = (struct verdict){generation, d->mode, d->delay, d->hole};
		uint64_t until = d->until;
		__atomic_thread_fence(__ATOMIC_ACQUIRE);
		if (armed() != generation) continue;
		if (!hit) return 0;
		struct timespec now;
		if (until && (clock_gettime(CLOCK_REALTIME, &now) || (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec >= until)) return 0;
		return 1;
	}
	return 0;
}

static void count(const struct verdict *v) {
	__atomic_fetch_add(&control->denied[v->generation & 1], 1, __ATOMIC_RELAXED);
}

/* linger waits as long as the state says so, and no longer than the state lasts. */
static void linger(const struct verdict *v) {
	uint64_t left = v->delay;
	struct timespec begin, now;
	if (clock_gettime(CLOCK_MONOTONIC, &begin)) return;
	while (left > 0 && armed() == v->generation) {
		struct timespec step = {0, left < 20000000 ? (long)left : 20000000};
		nanosleep(&step, NULL);
		if (clock_gettime(CLOCK_MONOTONIC, &now)) return;
		uint64_t past = (uint64_t)(now.tv_sec - begin.tv_sec) * 1000000000u + now.tv_nsec - begin.tv_nsec;
		left = past < v->delay ? v->delay - past : 0;
	}
}

/*
 * Names that are refused or black-holed resolve to an address of a range that nobody has (RFC 5737, TEST-NET-1; in
 * IPv6 as a mapped address), one for each name, so that connect knows whom it is about, however late it comes: an
 * address that a program has kept must lead to the host itself once the fault is over.
 */
#define MARKERS 254
static struct marker {
	uint32_t ready; /* 0 free, 1 being written, 2 written */
	char name[MAX_NAME + 1];
} markers[MARKERS];

/* marker returns the number, from 1, of a name; 0 if there are too many. */
static int marker(const char *name, size_t n) {
	for (int i = 0; i < MARKERS; i++) {
		struct marker *m = &markers[i];
		uint32_t ready = 0;
		if (__atomic_compare_exchange_n(&m->ready, &ready, 1, 0, __ATOMIC_ACQUIRE, __ATOMIC_ACQUIRE)) {
			copy(m->name, name, n);
			m->name[n] = 0;
			__atomic_store_n(&m->ready, 2, __ATOMIC_RELEASE);
			return i + 1;
		}
		if (ready == 2 && same(m->name, name, n) && !m->name[n]) return i + 1;
	}
	return 0;
}

static void write_number(char *to, int n) {
	if (n >= 100) *to++ = '0' + n / 100;
	if (n >= 10) *to++ = '0' + n / 10 % 10;
	*to++ = '0' + n % 10;
	*to = 0;
}

/* marked tells whose marker an address is; NULL if it is none. */
static const struct marker *marked(const struct sockaddr *address, socklen_t size) {
	static const unsigned char mapped[] = {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2};
	const unsigned char *bytes;
	if (address->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) {
		bytes = (const unsigned char *)&((const struct sockaddr_in *)address)->sin_addr;
		if (!same((const char *)bytes, (const char *)mapped + 12, 3)) return NULL;
	} else if (address->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) {
		bytes = (const unsigned char *)&((const struct sockaddr_in6 *)address)->sin6_addr + 12;
		if (!same((const char *)bytes - 12, (const char *)mapped, 15)) return NULL;
	} else {
		return NULL;
	}
	if (bytes[3] < 1 || bytes[3] > MARKERS) return NULL;
	const struct marker *m = &markers[bytes[3] - 1];
	return __atomic_load_n(&m->ready, __ATOMIC_ACQUIRE) == 2 ? m : NULL;
}

/* deny is what a lookup does with a name: -1 it fails, 0 it goes on, else it resolves to that marker. */
static int deny(const char *name) {
	struct verdict v;
	if (!name || !armed()) return 0;
	int kept = errno, result = -1;
	size_t n = length(name);
	if (!judge(name, n, &v)) {
		errno = kept;
		return 0;
	}
	count(&v);
	if (n > 0 && name[n - 1] == '.') n--;
	if (v.mode == SLOW) {
		linger(&v);
		result = 0;
	} else if (v.mode == REFUSED || v.mode == BLACKHOLE) {
		result = marker(name, n);
		if (!result) result = -1;
	}
	errno = kept;
	return result;
}

EXPORT int getaddrinfo(const char *restrict name, const char *restrict service, const struct addrinfo *restrict hints, struct addrinfo **restrict result) {
	REAL(getaddrinfo);
	if (!real) return EAI_SYSTEM;
	int number = hints && (hints->ai_flags & AI_NUMERICHOST) ? 0 : deny(name);
	if (number == 0) return real(name, service, hints, result);
	if (number < 0) return EAI_NONAME;
	char text[] = "::ffff:192.0.2.255";
	struct addrinfo h = {.ai_flags = 0};
	if (hints) h = *hints;
	int six = h.ai_family == AF_INET6;
	h.ai_family = six ? AF_INET6 : AF_INET;
	h.ai_flags = (h.ai_flags & (AI_PASSIVE | AI_NUMERICSERV | AI_CANONNAME)) | AI_NUMERICHOST;
	write_number(text + 15, number);
	return real(six ? text : text + 7, service, &h, result);
}

/* The older lookups. A denied name becomes its marker, as text. */
#define MARK(host_error)                                \
	char text[] = "192.0.2.255";                    \
	int number = deny(name);                        \
	if (number < 0) {                               \
		*(host_error) = HOST_NOT_FOUND;         \
		return 0;                               \
	}                                               \
	if (number > 0) {                               \
		write_number(text + 8, number);         \
		name = text;                            \
	}

EXPORT struct hostent *gethostbyname(const char *name) {
	REAL(gethostbyname);
	if (!real) return NULL;
	MARK(__h_errno_location());
	return real(name);
}

EXPORT struct hostent *gethostbyname2(const char *name, int family) {
	REAL(gethostbyname2);
	if (!real) return NULL;
	MARK(__h_errno_location());
	return real(name, family);
}

EXPORT int gethostbyname_r(const char *restrict name, struct hostent *restrict entry, char *restrict buffer, size_t size, struct hostent **restrict result, int *restrict host_error) {
	REAL(gethostbyname_r);
	*result = NULL;
	if (!real) return ENOSYS;
	MARK(host_error);
	return real(name, entry, buffer, size, result, host_error);
}

EXPORT int gethostbyname2_r(const char *restrict name, int family, struct hostent *restrict entry, char *restrict buffer, size_t size, struct hostent **restrict result, int *restrict host_error) {
	REAL(gethostbyname2_r);
	*result = NULL;
	if (!real) return ENOSYS;
	MARK(host_error);
	return real(name, family, entry, buffer, size, result, host_error);
}

/* Sockets that were connected to port 53. A bit may be out of date, since close is not ours: it is a hint. */
#define SOCKETS 65536
static uint32_t resolvers[SOCKETS / 32];

static int port_of(const struct sockaddr *a, socklen_t size) {
	if (!a) return 0;
	if (a->sa_family == AF_INET && size >= sizeof(struct sockaddr_in)) return ntohs(((const struct sockaddr_in *)a)->sin_port);
	if (a->sa_family == AF_INET6 && size >= sizeof(struct sockaddr_in6)) return ntohs(((const struct sockaddr_in6 *)a)->sin6_port);
	return 0;
}

static void note(int fd, int resolver) {
	if (fd < 0 || fd >= SOCKETS) return;
	uint32_t *word = &resolvers[fd / 32], bit = 1u << (fd % 32);
	if (resolver)
		__atomic_fetch_or(word, bit, __ATOMIC_RELAXED);
	else if (__atomic_load_n(word, __ATOMIC_RELAXED) & bit)
		__atomic_fetch_and(word, ~bit, __ATOMIC_RELAXED);
}

static int is_resolver(int fd) {
	struct sockaddr_storage peer;
	socklen_t size = sizeof peer;
	if (fd < 0 || fd >= SOCKETS || !(__atomic_load_n(&resolvers[fd / 32], __ATOMIC_RELAXED) & 1u << (fd % 32))) return 0;
	return getpeername(fd, (struct sockaddr *)&peer, &size) == 0 && port_of((struct sockaddr *)&peer, size) == 53;
}

/* lead connects to where a marker's name leads now: nowhere, or to the host itself once the fault is over. */
static int lead(int fd, const struct sockaddr *address, socklen_t size, const struct marker *m, int (*real)(int, const struct sockaddr *, socklen_t)) {
	struct verdict v;
	struct sockaddr_storage to;
	copy(&to, address, size < sizeof to ? size : sizeof to);
	int stream = 0;
	socklen_t width = sizeof stream;
	stream = getsockopt(fd, SOL_SOCKET, SO_TYPE, &stream, &width) == 0 && stream == SOCK_STREAM;
	unsigned char *host = to.ss_family == AF_INET ? (unsigned char *)&((struct sockaddr_in *)&to)->sin_addr : (unsigned char *)&((struct sockaddr_in6 *)&to)->sin6_addr + 12;
	uint16_t *port = to.ss_family == AF_INET ? &((struct sockaddr_in *)&to)->sin_port : &((struct sockaddr_in6 *)&to)->sin6_port;
	if (judge(m->name, length(m->name), &v) && v.mode != SLOW) {
		count(&v);
		if (v.mode != BLACKHOLE) {
			errno = ECONNREFUSED;
			return -1;
		}
		if (stream && v.hole) {
			static const unsigned char loopback[] = {127, 0, 0, 1};
			copy(host, loopback, 4);
			*port = htons(v.hole);
		}
		return real(fd, (struct sockaddr *)&to, size);
	}
	struct addrinfo hints = {.ai_family = to.ss_family, .ai_socktype = SOCK_STREAM, .ai_flags = to.ss_family == AF_INET6 ? AI_V4MAPPED : 0}, *found;
	int (*lookup)(const char *, const char *, const struct addrinfo *, struct addrinfo **) = (__typeof__(lookup))dlsym(RTLD_NEXT, "getaddrinfo");
	if (!lookup || lookup(m->name, NULL, &hints, &found)) {
		errno = EHOSTUNREACH;
		return -1;
	}
	uint16_t kept = *port;
	if (found->ai_addrlen <= sizeof to) copy(&to, found->ai_addr, size = found->ai_addrlen);
	*port = kept;
	freeaddrinfo(found);
	return real(fd, (struct sockaddr *)&to, size);
}

EXPORT int connect(int fd, const struct sockaddr *address, socklen_t size) {
	REAL(connect);
	if (!real) {
		errno = ENOSYS;
		return -1;
	}
	if (!control || !address || size < sizeof(sa_family_t)) return real(fd, address, size);
	if (address->sa_family == AF_INET || address->sa_family == AF_INET6) {
		const struct marker *m = marked(address, size);
		if (m) return lead(fd, address, size, m, real);
		int kept = errno;
		note(fd, port_of(address, size) == 53);
		errno = kept;
	}
	return real(fd, address, size);
}

/* question judges the name that one DNS query asks for. */
static int question(const unsigned char *query, size_t size, struct verdict *v) {
	char name[MAX_NAME + 2];
	size_t at = 12, n = 0;
	if (size < 17 || query[2] & 0xf8 || (query[4] | query[5]) == 0) return 0; /* not a question */
	while (at < size && query[at]) {
		size_t label = query[at++];
		if (label > 63 || at + label > size || n + label > MAX_NAME) return 0;
		if (n) name[n++] = '.';
		copy(name + n, query + at, label);
		at += label;
		n += label;
	}
	return n > 0 && judge(name, n, v);
}

/* unasked says whether a query must not be sent: 0 send it, 1 say it is sent, -1 say that nobody listens. */
static int unasked(int fd, const void *data, size_t size, const struct sockaddr *to, socklen_t to_size) {
	struct verdict v;
	if (!armed() || !data) return 0;
	int kept = errno, hit = 0, type = 0;
	socklen_t width = sizeof type;
	const unsigned char *query = data;
	if (to ? port_of(to, to_size) == 53 : is_resolver(fd)) {
		if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &width) == 0 && type == SOCK_STREAM) {
			for (size_t at = 0; !hit && size - at > 2; at += 2) { /* each query stands behind its length */
				size_t n = (size_t)query[at] << 8 | query[at + 1];
				if (n > size - at - 2) break;
				hit = question(query + at + 2, n, &v);
				at += n;
			}
		} else {
			hit = question(query, size, &v);
		}
	}
	errno = kept;
	if (!hit || v.mode == SLOW) return 0;
	count(&v);
	if (v.mode == BLACKHOLE) return 1;
	errno = ECONNREFUSED;
	return -1;
}

EXPORT ssize_t send(int fd, const void *data, size_t size, int flags) {
	REAL(send);
	int way = unasked(fd, data, size, NULL, 0);
	if (way || !real) return way > 0 ? (ssize_t)size : -1;
	return real(fd, data, size, flags);
}

EXPORT ssize_t sendto(int fd, const void *data, size_t size, int flags, const struct sockaddr *to, socklen_t to_size) {
	REAL(sendto);
	int way = unasked(fd, data, size, to, to_size);
	if (way || !real) return way > 0 ? (ssize_t)size : -1;
	return real(fd, data, size, flags, to, to_size);
}

static int unasked_message(int fd, const struct msghdr *m) {
	if (!m || m->msg_iovlen < 1) return 0;
	return unasked(fd, m->msg_iov[0].iov_base, m->msg_iov[0].iov_len, m->msg_name, m->msg_namelen);
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags) {
	REAL(sendmsg);
	int way = unasked_message(fd, m);
	if (!way && real) return real(fd, m, flags);
	ssize_t all = 0;
	for (size_t i = 0; i < m->msg_iovlen; i++) all += m->msg_iov[i].iov_len;
	return way > 0 ? all : -1;
}

/* Many at once: those before the first denied one are sent, which is what sendmmsg may always say. */
EXPORT int sendmmsg(int fd, struct mmsghdr *list, unsigned int n, int flags) {
	REAL(sendmmsg);
	unsigned int passed = 0;
	int way = 0;
	while (list && passed < n && armed() && !(way = unasked_message(fd, &list[passed].msg_hdr))) passed++;
	if (!way && real) return real(fd, list, n, flags);
	if (passed > 0 && real) return real(fd, list, passed, flags);
	if (way < 0 || !real) return -1;
	list[0].msg_len = 0;
	for (size_t i = 0; i < list[0].msg_hdr.msg_iovlen; i++) list[0].msg_len += list[0].msg_hdr.msg_iov[i].iov_len;
	return 1;
}
