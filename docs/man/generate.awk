# SPDX-License-Identifier: MIT
# Turns the comments of include/ktls/ktls.h into manual pages, one per
# function:  awk -v out=docs/man -f docs/man/generate.awk include/ktls/ktls.h
#
# A page is the comment above a declaration, plus the types and constants of
# the header that the declaration or the comment names.  Any POSIX awk does.

# ------------------------------------------------------------------ reading

/^#define KTLS_VERSION_/ {
	version = version (version == "" ? "" : ".") $3
	next
}
/^#define KTLS_API/ || /^#define KTLS_KTLS_H/ { next }
/^#define KTLS_/ { add_type($0, "", name_of_macro($2)); comment = ""; next }

/^\/\* .*\*\/$/ { comment = substr($0, 4, length($0) - 6) "\n"; next }
/^\/\*/ { in_comment = 1; comment = substr($0, 4); next }
in_comment && /^ \*\// { in_comment = 0; next }
in_comment { comment = comment substr($0, 4) "\n"; next }

/^(struct|enum).*[{]$/ { in_type = 1; type = "" }
in_type { type = type $0 "\n" }
in_type && /^};/ {
	in_type = 0
	add_type(type, comment, name_of_type(type))
	comment = ""
	next
}
in_type { next }

/^KTLS_API / { in_function = 1; prototype = "" }
in_function { prototype = prototype $0 "\n" }
in_function && /;$/ {
	in_function = 0
	sub(/^KTLS_API /, "", prototype)
	# a declaration right below another shares its comment
	add_function(prototype, function_comment())
	next
}
!in_function && /^$/ { comment = ""; shared = "" }

function function_comment()
{
	if (comment != "")
		shared = comment
	comment = ""
	return shared
}

function name_of_macro(word)
{
	sub(/\(.*/, "", word)
	return word
}

function name_of_type(text,  words)
{
	split(text, words, /[ {\n]+/)
	return words[2] ~ /^ktls_/ ? words[1] " " words[2] : ""
}

function add_type(text, about, name,  n)
{
	n = ++types
	type_text[n] = text
	type_about[n] = about
	type_name[n] = name
}

function add_function(text, about,  name)
{
	name = text
	sub(/\(.*/, "", name)
	sub(/^.*[ *]/, "", name)
	function_name[++functions] = name
	function_text[functions] = text
	function_about[functions] = about
}

# ------------------------------------------------------------------ writing

END {
	for (i = 1; i <= functions; i++) {
		file = out "/" function_name[i] ".3"
		if (i > 1 && function_about[i] == function_about[i - 1])
			printf ".so man3/%s.3\n", function_name[i - 1] > file
		else
			page(i, file)
		close(file)
	}
}

function page(i, file,  last, j, about, text)
{
	for (last = i; last < functions &&
	     function_about[last + 1] == function_about[i]; last++)
		;
	about = paragraphs(function_about[i])
	printf ".\\\" SPDX-License-Identifier: MIT\n" > file
	printf ".\\\" Made from include/ktls/ktls.h: do not edit.\n" > file
	printf ".TH %s 3 \"\" \"libktls %s\" \"libktls manual\"\n",
	       toupper(function_name[i]), version > file
	printf ".SH NAME\n" > file
	text = function_name[i]
	for (j = i + 1; j <= last; j++)
		text = text ", " function_name[j]
	fill(text " \\- " title(about), file)
	printf ".SH LIBRARY\nlibktls (\\-lktls, pkg\\-config name ktls)\n" > file
	printf ".SH SYNOPSIS\n.nf\n#include <ktls/ktls.h>\n" > file
	text = ""
	for (j = i; j <= last; j++) {
		printf "\n%s", literal(function_text[j]) > file
		text = text function_text[j]
	}
	types_of(text " " about, function_name[i], file)
	printf ".fi\n" > file
	body(about, file)
	see_also(about, i, last, file)
}

# The types that the text names, then those that these name in turn.
function types_of(text, name, file,  found, n, more)
{
	for (n = 1; n <= types; n++)
		found[n] = 0
	do {
		more = 0
		for (n = 1; n <= types; n++)
			if (!found[n] && wanted(n, text, name)) {
				found[n] = more = 1
				text = text " " type_text[n]
			}
	} while (more)
	for (n = 1; n <= types; n++)
		if (found[n])
			printf "\n%s", literal(above(type_about[n]) \
				type_text[n] (type_text[n] ~ /\n$/ ? "" : "\n")) > file
}

# libktls(7) has the errors; a page does not repeat them.
function wanted(n, text, name)
{
	if (type_name[n] == "enum ktls_error")
		return 0
	if (type_name[n] != "" && has_word(text, type_name[n]))
		return 1
	if (index(type_about[n], name "()"))
		return 1
	return type_name[n] == "" && names_constant(type_text[n], text)
}

function names_constant(list, text,  words, n, k)
{
	gsub(/\/\*([^*]|\*[^\/])*\*\//, " ", list)
	n = split(list, words, /[^A-Z0-9a-z_]+/)
	for (k = 1; k <= n; k++)
		if (words[k] ~ /^KTLS_/ && has_word(text, words[k]))
			return 1
	return 0
}

function has_word(text, word,  at)
{
	while ((at = index(text, word)) > 0) {
		text = substr(text, at + length(word))
		if (text !~ /^[A-Za-z0-9_]/)
			return 1
	}
	return 0
}

function above(about)
{
	sub(/\n$/, "", about)
	if (about == "")
		return ""
	if (!index(about, "\n"))
		return "/* " about " */\n"
	gsub(/\n/, "\n * ", about)
	gsub(/ +\n/, "\n", about)
	return "/*\n * " about "\n */\n"
}

# A line that ends early with a full stop ends a paragraph, as does an empty
# one: the comments are wrapped by hand.
function paragraphs(about,  lines, n, k, text, word)
{
	n = split(about, lines, /\n/)
	text = ""
	for (k = 1; k <= n; k++) {
		if (lines[k] == "") {
			if (text != "" && text !~ /\n$/)
				text = text "\n"
			continue
		}
		word = lines[k + 1]
		sub(/ .*/, "", word)
		text = text lines[k]
		if (lines[k] ~ /\.$/ && (word == "" ||
		    length(lines[k]) + 4 + length(word) <= 78))
			text = text "\n"
		else
			text = text (lines[k] ~ /[.]$/ ? "  " : " ")
	}
	sub(/[ \n]+$/, "", text)
	return text
}

function title(about,  text)
{
	text = about
	sub(/\n.*/, "", text)
	sub(/\.  .*/, "", text)
	sub(/\.$/, "", text)
	sub(/[:;].*/, "", text)
	sub(/, for instance.*/, "", text)
	if (text !~ /^[A-Z][A-Z]/)
		text = tolower(substr(text, 1, 1)) substr(text, 2)
	return roff(text)
}

function body(about, file,  lines, n, k, section, text, at)
{
	n = split(about, lines, /\n/)
	section = ""
	for (k = 1; k <= n; k++) {
		text = lines[k]
		if (text ~ /^(RFC|Linux) [0-9].*\.$/) {
			section = heading("STANDARDS AND VERSIONS", section, file)
		} else if ((at = returns_at(text)) > 0) {
			if (at > 1) {
				section = heading("DESCRIPTION", section, file)
				sentence(substr(text, 1, at - 1), file)
			}
			section = heading("RETURN VALUE", section, file)
			text = substr(text, at)
		} else if (section != "RETURN VALUE") {
			section = heading("DESCRIPTION", section, file)
		} else {
			printf ".PP\n" > file
		}
		sentence(text, file)
	}
}

function returns_at(text,  at)
{
	if (text ~ /^Returns /)
		return 1
	at = index(text, ".  Returns ")
	return at ? at + 3 : 0
}

function heading(name, section, file)
{
	if (name == section)
		printf ".PP\n" > file
	else
		printf ".SH %s\n", name > file
	return name
}

# A line per sentence, as roff likes it.
function sentence(text, file)
{
	sub(/ +$/, "", text)
	text = roff(text)
	gsub(/\.  /, ".\n", text)
	gsub(/; (\\-K|\\-E|\\-[0-9])/, ";\n&", text)
	gsub(/\n; /, "\n", text)
	fill(guarded(text), file)
}

function fill(text, file,  lines, words, n, m, k, j, line)
{
	n = split(text, lines, /\n/)
	for (k = 1; k <= n; k++) {
		m = split(lines[k], words, / +/)
		line = words[1]
		for (j = 2; j <= m; j++) {
			if (length(line) + 1 + length(words[j]) > 78) {
				printf "%s\n", line > file
				line = guarded(words[j])
			} else {
				line = line " " words[j]
			}
		}
		printf "%s\n", line > file
	}
}

function roff(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	while (match(text, /`[^`]*`/))
		text = substr(text, 1, RSTART - 1) "\\fI" \
		       substr(text, RSTART + 1, RLENGTH - 2) "\\fR" \
		       substr(text, RSTART + RLENGTH)
	return text
}

function literal(text)
{
	gsub(/\\/, "\\e", text)
	gsub(/-/, "\\-", text)
	return guarded(text)
}

function guarded(text)
{
	gsub(/\n\./, "\n\\\\\\&.", text)
	gsub(/\n'/, "\n\\\\\\&'", text)
	sub(/^\./, "\\\\\\&.", text)
	sub(/^'/, "\\\\\\&'", text)
	return text
}

function see_also(about, first, last, file,  j)
{
	printf ".SH SEE ALSO\n" > file
	for (j = 1; j <= functions; j++)
		if ((j < first || j > last) &&
		    index(about, function_name[j] "()"))
			printf ".BR %s (3),\n", function_name[j] > file
	printf ".BR libktls (7)\n" > file
}
