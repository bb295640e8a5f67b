/* Text files with one label a line. */
#ifndef FMN_IO_LABEL_FILE_H
#define FMN_IO_LABEL_FILE_H

#include <gio/gio.h>

/* The labels, strings; g_ptr_array_unref(). Spaces around a label, a byte order mark, carriage returns and empty lines
 * at the end are left out. Errors of FMN_ERROR or G_FILE_ERROR name the file and the line. */
GPtrArray *fmn_label_file_read(const char *path, GError **error);

#endif
