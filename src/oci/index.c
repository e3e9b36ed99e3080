/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How this works: a walk collects the entries of a layer by lstat, with every
 * folder opened relative to its parent and no link followed. Hashing is the
 * long part (gigabytes), so worker threads take the files from one queue, the
 * largest first: a 400 MB library found last would keep one processor busy
 * while the others have nothing to do.
 */
#include "oci/index.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "base/fs.h"
#include "base/str.h"

enum { DEEPEST = 500, WORKERS_MAX = 64, TICK_MS = 100 };

void index_fini(struct index *x)
{
	freep(&x->v);
	arena_fini(&x->arena);
	x->n = 0;
}

struct index_entry *index_add(struct index *x)
{
	if (x->n == x->cap) {
		x->cap = x->cap ? 2 * x->cap : 1024;
		x->v = mem_resize(x->v, x->cap * sizeof(*x->v));
	}
	x->v[x->n] = (struct index_entry){0};
	return &x->v[x->n++];
}

static void add_file(struct index *x, const char *path, const struct stat *st)
{
	struct index_entry *ent = index_add(x);
	bool folder = S_ISDIR(st->st_mode);
	bool device = S_ISCHR(st->st_mode) || S_ISBLK(st->st_mode);

	ent->path = path;
	ent->mode = st->st_mode;
	ent->uid = st->st_uid;
	ent->gid = st->st_gid;
	ent->ino = st->st_ino;
	ent->links = st->st_nlink;
	/* A folder's size and time depend on the file system and on its history. */
	if (!folder) {
		ent->size = device ? (uint64_t)st->st_rdev : (uint64_t)st->st_size;
		ent->mtime = st->st_mtim.tv_sec;
		ent->mtime_ns = (uint32_t)st->st_mtim.tv_nsec;
	}
}

static int walk(int fd, const char *path, int depth, struct index *x, struct err *e);

static int walk_entry(int dir, const char *name, const char *folder, int depth, struct index *x,
		      struct err *e)
{
	const char *path =
		depth ? arena_fmt(&x->arena, "%s/%s", folder, name) : arena_str(&x->arena, name);
	struct stat st;
	int fd;

	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return err_sys(e, "cannot read '%s'", path);
	add_file(x, path, &st);
	if (!S_ISDIR(st.st_mode))
		return 0;
	fd = openat(dir, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return err_sys(e, "cannot read '%s'", path);
	return walk(fd, path, depth + 1, x, e);
}

/* Takes over fd. */
static int walk(int fd, const char *path, int depth, struct index *x, struct err *e)
{
	DIR *d = fdopendir(fd);
	const struct dirent *ent;
	int code = 0;

	if (!d) {
		code = err_sys(e, "cannot read '%s'", path);
		(void)close(fd);
		return code;
	}
	if (depth > DEEPEST)
		code = err_set(e, ERR_FAIL, "'%s' lies too deep", path);
	while (!code && (ent = readdir(d)))
		if (!str_eq(ent->d_name, ".") && !str_eq(ent->d_name, ".."))
			code = walk_entry(dirfd(d), ent->d_name, path, depth, x, e);
	(void)closedir(d);
	return code;
}

static int by_path(const void *a, const void *b)
{
	return strcmp(((const struct index_entry *)a)->path, ((const struct index_entry *)b)->path);
}

int index_walk(int root, struct index *ret, struct err *e)
{
	struct index x = {0};
	struct stat st;
	int fd = openat(root, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) < 0) {
		int code = err_sys(e, "cannot read a layer's folder");

		fd_closep(&fd);
		return code;
	}
	add_file(&x, ".", &st);
	if (walk(fd, ".", 0, &x, e) < 0) {
		index_fini(&x);
		return -(int)e->code;
	}
	qsort(x.v, x.n, sizeof(*x.v), by_path);
	*ret = x;
	return 0;
}

/* Work that the threads share. */
struct queue {
	int root;
	struct index_entry **files; /* largest first */
	size_t n;
	atomic_size_t next;
	atomic_uint_least64_t bytes;
	atomic_uint running;
	pthread_mutex_t lock; /* guards err */
	struct err err;
};

static int hash_file(int root, struct index_entry *ent, struct err *e)
{
	CLEANUP(fd_closep) int fd = openat(root, ent->path, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);

	if (fd < 0)
		return err_sys(e, "cannot read '%s'", ent->path);
	(void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	if (digest_fd(fd, ent->digest, e) < 0)
		return err_wrap(e, "'%s'", ent->path);
	return 0;
}

static void *worker(void *arg)
{
	struct queue *q = arg;
	size_t i;

	while ((i = atomic_fetch_add(&q->next, 1)) < q->n) {
		struct err err = {0};

		if (hash_file(q->root, q->files[i], &err) < 0) {
			(void)pthread_mutex_lock(&q->lock);
			if (!q->err.code)
				q->err = err;
			(void)pthread_mutex_unlock(&q->lock);
			atomic_store(&q->next, q->n);
			break;
		}
		atomic_fetch_add(&q->bytes, q->files[i]->size);
	}
	atomic_fetch_sub(&q->running, 1);
	return NULL;
}

static int by_size(const void *a, const void *b)
{
	const struct index_entry *x = *(struct index_entry *const *)a;
	const struct index_entry *y = *(struct index_entry *const *)b;

	return (x->size < y->size) - (x->size > y->size);
}

static int by_inode(const void *a, const void *b)
{
	const struct index_entry *x = *(struct index_entry *const *)a;
	const struct index_entry *y = *(struct index_entry *const *)b;

	return (x->ino > y->ino) - (x->ino < y->ino);
}

static void queue_run(struct queue *q, void (*on_bytes)(void *arg, uint64_t done), void *arg)
{
	pthread_t threads[WORKERS_MAX];
	size_t started = 0;
	cpu_set_t cpus;
	size_t wanted = 1;

	if (sched_getaffinity(0, sizeof(cpus), &cpus) == 0)
		wanted = (size_t)CPU_COUNT(&cpus);
	if (wanted > WORKERS_MAX)
		wanted = WORKERS_MAX;
	if (wanted > q->n)
		wanted = q->n;
	for (; started < wanted; started++) {
		atomic_fetch_add(&q->running, 1);
		if (pthread_create(&threads[started], NULL, worker, q) != 0) {
			atomic_fetch_sub(&q->running, 1);
			break;
		}
	}
	/* No thread at all: a limit of the machine, not a reason to fail. */
	if (!started) {
		atomic_fetch_add(&q->running, 1);
		(void)worker(q);
	}
	while (on_bytes && atomic_load(&q->running)) {
		const struct timespec tick = {.tv_nsec = TICK_MS * 1000000L};

		on_bytes(arg, atomic_load(&q->bytes));
		(void)nanosleep(&tick, NULL);
	}
	for (size_t i = 0; i < started; i++)
		(void)pthread_join(threads[i], NULL);
}

static int hash_link(int root, struct index_entry *ent, struct err *e)
{
	char target[4096];
	ssize_t n = readlinkat(root, ent->path, target, sizeof(target));

	if (n < 0)
		return err_sys(e, "cannot read '%s'", ent->path);
	digest_bytes(target, (size_t)n, ent->digest);
	return 0;
}

/* Files sorted by inode number: copy the first name of each to ret. Returns how many. */
static size_t first_names(struct index_entry *const *files, size_t n, struct index_entry **ret)
{
	size_t kept = 0;

	for (size_t i = 0; i < n; i++)
		if (i == 0 || files[i]->ino != files[i - 1]->ino)
			ret[kept++] = files[i];
	return kept;
}

int index_hash(int root, struct index *x, void (*on_bytes)(void *arg, uint64_t done), void *arg,
	       struct err *e)
{
	CLEANUP(freep) struct index_entry **all = mem_alloc((x->n + 1) * sizeof(*all));
	CLEANUP(freep) struct index_entry **files = mem_alloc((x->n + 1) * sizeof(*files));
	struct queue q = {.root = root, .files = files, .lock = PTHREAD_MUTEX_INITIALIZER};
	size_t n = 0;

	for (size_t i = 0; i < x->n; i++) {
		struct index_entry *ent = &x->v[i];

		if (S_ISLNK(ent->mode) && hash_link(root, ent, e) < 0)
			return -(int)e->code;
		if (S_ISREG(ent->mode))
			all[n++] = ent;
	}
	qsort(all, n, sizeof(struct index_entry *), by_inode);
	q.n = first_names(all, n, files);
	if (!q.n)
		return 0;
	qsort(files, q.n, sizeof(struct index_entry *), by_size);
	queue_run(&q, on_bytes, arg);
	if (q.err.code) {
		*e = q.err;
		return -(int)e->code;
	}
	/* A file with several names was hashed under the first of them. */
	for (size_t i = 1; i < n; i++)
		if (all[i]->ino == all[i - 1]->ino)
			(void)memcpy(all[i]->digest, all[i - 1]->digest, DIGEST_LEN);
	return 0;
}

uint64_t index_bytes(const struct index *x)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < x->n; i++)
		if (S_ISREG(x->v[i].mode))
			sum += x->v[i].size;
	return sum;
}
