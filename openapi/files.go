package openapi

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"path"
	"strings"
)

const (
	maxFiles      = 100 // that a document refers to
	maxReferences = 20  // from one reference to the next
)

// files are the document and the files that it refers to.
type files struct {
	fsys  fs.FS
	main  string            // the name of the document
	data  map[string][]byte // the content, by name
	roots map[string]place
	found *problems
}

// newFiles returns the files of a document.
func newFiles(document []byte, cfg Config, found *problems) *files {
	f := &files{
		fsys: cfg.Files, main: cfg.Name, found: found, data: map[string][]byte{cfg.Name: document},
		roots: make(map[string]place),
	}
	f.roots[cfg.Name] = parse(document, cfg.Name, found)
	return f
}

// root returns the document.
func (f *files) root() place { return f.roots[f.main] }

// read returns the content of a file that a document refers to. Its limits are those of a document.
func (f *files) read(name string) ([]byte, error) {
	if data, ok := f.data[name]; ok {
		return data, nil
	}
	switch {
	case f.fsys == nil:
		return nil, errors.New("refers to another file, but Config.Files is nil")
	case !fs.ValidPath(name):
		return nil, fmt.Errorf("refers to %q, which is not the path of a file in Config.Files", name)
	case len(f.data) > maxFiles:
		return nil, fmt.Errorf("refers to more than %d files", maxFiles)
	}
	file, err := f.fsys.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = file.Close() }() // it was only read
	data, err := io.ReadAll(io.LimitReader(file, maxBytes+1))
	if err != nil {
		return nil, err
	}
	f.data[name] = data
	f.roots[name] = parse(data, name, f.found)
	return data, nil
}

// resolve returns the value that a reference object refers to, or the value itself if it is none. The result does not exist
// if there is a problem.
func (f *files) resolve(at place) place {
	for range maxReferences {
		ref := at.member("$ref")
		if !ref.exists() {
			return at
		}
		target, err := f.target(ref)
		if err != nil {
			f.found.add(ref, "%v", err)
			return place{file: at.file, pointer: at.pointer}
		}
		at = target
	}
	f.found.add(at, "is the end of a chain of more than %d references, or of a cycle", maxReferences)
	return place{file: at.file, pointer: at.pointer}
}

// target returns the value that the URL in ref refers to.
func (f *files) target(ref place) (place, error) {
	text, ok := ref.text()
	if !ok {
		return place{}, errors.New("is not a text")
	}
	// A reference with a scheme, a host or a query leads out of Config.Files. It is rejected here, before anything is opened.
	u, err := url.Parse(text)
	if err != nil || u.Scheme != "" || u.Host != "" || u.User != nil || u.RawQuery != "" {
		return place{}, fmt.Errorf("refers to %q, expected a relative path of a file, a fragment, or both", clip(text))
	}
	name := ref.file
	if u.Path != "" {
		name = path.Join(path.Dir(ref.file), u.Path)
	}
	if _, err := f.read(name); err != nil {
		return place{}, err
	}
	// The fragment is a JSON pointer (RFC 6901): names separated by slashes, in which ~1 is a slash and ~0 a tilde. An anchor of JSON
	// Schema, such as #name, is not one.
	target := f.roots[name]
	if u.Fragment != "" && !strings.HasPrefix(u.Fragment, "/") {
		return place{}, fmt.Errorf("refers to %q, expected a JSON pointer after #", clip(text))
	}
	for _, token := range strings.Split(u.Fragment, "/")[1:] {
		target = target.member(strings.NewReplacer("~1", "/", "~0", "~").Replace(token))
	}
	if !target.exists() {
		return place{}, fmt.Errorf("refers to %q, which does not exist", clip(text))
	}
	return target, nil
}

// clip shortens a text of the document for an error.
func clip(text string) string {
	const longest = 100
	if len(text) > longest {
		return strings.ToValidUTF8(text[:longest], "") + "…"
	}
	return text
}
