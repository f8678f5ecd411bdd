//go:build !unix

package ownfile

import "io/fs"

// Flags for [os.OpenFile], which have no meaning here.
const NoWait, NoFollow = 0, 0

// sharedWith returns an empty string: a file's mode says nothing about other users here.
func sharedWith(fs.FileInfo, fs.FileMode, bool) string { return "" }

// syncFolder does nothing: folders cannot be flushed here.
func syncFolder(string) {}
