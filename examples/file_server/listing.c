/* SPDX-License-Identifier: MIT */
/*
 * The index page of a folder without an index.html.  Names come from whoever
 * may write there: encoded for the URL, escaped for the page.
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "file_server.h"

static void put_url(FILE *f, const char *s)
{
	for (; *s; s++) {
		if (isalnum((unsigned char)*s) || strchr("-._~/", *s))
			fputc(*s, f);
		else
			fprintf(f, "%%%02X", (unsigned char)*s);
	}
}

static void put_html(FILE *f, const char *s)
{
	for (; *s; s++) {
		switch (*s) {
		case '&': fputs("&amp;", f); break;
		case '<': fputs("&lt;", f); break;
		case '>': fputs("&gt;", f); break;
		case '"': fputs("&quot;", f); break;
		case '\'': fputs("&#39;", f); break;
		default: fputc(*s, f);
		}
	}
}

char *listing_url(const char *path)
{
	char *text = NULL;
	size_t len;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		return NULL;
	put_url(f, path);
	if (fclose(f) == 0)
		return text;
	free(text);
	return NULL;
}

static int not_self(const struct dirent *d)
{
	return strcmp(d->d_name, ".") != 0 && strcmp(d->d_name, "..") != 0;
}

static void put_entry(FILE *f, int dir, const char *name)
{
	struct stat st;
	const char *slash;

	/* What a link points to is no business of the listing's. */
	if (fstatat(dir, name, &st, AT_SYMLINK_NOFOLLOW) < 0)
		return;
	slash = S_ISDIR(st.st_mode) ? "/" : "";
	fputs("<li><a href=\"./", f);
	put_url(f, name);
	fprintf(f, "%s\">", slash);
	put_html(f, name);
	fprintf(f, "%s</a>", slash);
	if (S_ISREG(st.st_mode))
		fprintf(f, " %lld", (long long)st.st_size);
	fputs("</li>\n", f);
}

char *listing_page(int fd, const char *path)
{
	struct dirent **names = NULL;
	char *page = NULL;
	size_t len;
	int i, n;
	FILE *f = open_memstream(&page, &len);

	if (!f)
		return NULL;
	n = scandirat(fd, ".", &names, not_self, alphasort);
	fputs("<!DOCTYPE html>\n<title>/", f);
	put_html(f, path);
	fputs("</title>\n<h1>/", f);
	put_html(f, path);
	fputs("</h1>\n<ul>\n", f);
	if (*path)
		fputs("<li><a href=\"../\">../</a></li>\n", f);
	for (i = 0; i < n; i++) {
		put_entry(f, fd, names[i]->d_name);
		free(names[i]);
	}
	free(names);
	fputs("</ul>\n", f);
	if (fclose(f) == 0)
		return page;
	free(page);
	return NULL;
}
