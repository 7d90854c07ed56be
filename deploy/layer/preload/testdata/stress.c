/*
 * Looks up two addresses in many threads while somebody changes the state: the first is in no denylist and must always be
 * found, the second is in every one. Children do the same. Prints how often the second one was denied.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

static int rounds;

static int found(const char *name) {
	struct addrinfo *result;
	if (getaddrinfo(name, NULL, NULL, &result)) return 0;
	freeaddrinfo(result);
	return 1;
}

static void *look(void *denied) {
	for (int i = 0; i < rounds; i++) {
		errno = 4711;
		if (!found("10.2.2.2")) {
			fprintf(stderr, "a spared host was denied\n");
			_exit(1);
		}
		if (!found("10.1.1.1")) ++*(long *)denied;
		if (errno != 4711) {
			fprintf(stderr, "errno became %d\n", errno);
			_exit(1);
		}
	}
	return NULL;
}

int main(int argc, char **argv) {
	pthread_t threads[4];
	long denied[4] = {0}, sum = 0;
	int status;
	if (argc != 2) return 2;
	rounds = atoi(argv[1]);
	pid_t child = fork();
	for (int i = 0; i < 4; i++)
		if (pthread_create(&threads[i], NULL, look, &denied[i])) return 3;
	for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL), sum += denied[i];
	if (child == 0) _exit(0);
	if (waitpid(child, &status, 0) != child || status) return 4;
	printf("%ld\n", sum);
	return 0;
}
