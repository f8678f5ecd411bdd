package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// module is one module of the repository.
type module struct {
	folder   string   // relative to the repository; "." is the root module
	path     string   // its module path
	released bool     // whether it gets a tag
	requires []string // the module paths of the kit that it requires
	replaces []string // the module paths of the kit that it replaces
}

// readModules reads every go.mod of the repository in dir. The root module is the first result.
func readModules(ctx context.Context, dir string, released []string) ([]module, error) {
	files, err := repository{dir}.git(ctx, "ls-files", "go.mod", "*/go.mod", ":!*/testdata/*")
	if err != nil {
		return nil, err
	}
	var modules []module
	for file := range strings.SplitSeq(files, "\n") {
		m, err := readModule(ctx, dir, path.Dir(file))
		if err != nil {
			return nil, err
		}
		modules = append(modules, m)
	}
	root := slices.IndexFunc(modules, func(m module) bool { return m.folder == "." })
	if root < 0 {
		return nil, fmt.Errorf("release: %s has no go.mod", dir)
	}
	modules = slices.Concat(modules[root:root+1], modules[:root], modules[root+1:])
	for i := range modules {
		keepKit(&modules[i], modules[0].path)
	}
	return modules, markReleased(modules, released)
}

// readModuleLines returns the lines of a go.mod in an order that does not depend on its blocks.
func readModuleLines(dir string) ([]string, error) {
	text, err := os.ReadFile(filepath.Join(dir, "go.mod")) //nolint:gosec // the folder is in the scratch clone
	if err != nil {
		return nil, err
	}
	var lines []string
	for line := range strings.Lines(string(text)) {
		line = strings.TrimPrefix(strings.TrimSpace(line), "require ")
		if line != "" && line != "(" && line != ")" {
			lines = append(lines, line)
		}
	}
	slices.Sort(lines)
	return lines, nil
}

// readModule reads one go.mod, with all of its requirements.
func readModule(ctx context.Context, dir, folder string) (module, error) {
	text, err := command(ctx, filepath.Join(dir, folder), goEnv(), "go", "mod", "edit", "-json")
	if err != nil {
		return module{}, err
	}
	var file struct {
		Module  struct{ Path string }
		Require []struct{ Path string }
		Replace []struct{ Old struct{ Path string } }
	}
	if err := json.Unmarshal([]byte(text), &file); err != nil {
		return module{}, fmt.Errorf("release: %s/go.mod: %w", folder, err)
	}
	m := module{folder: folder, path: file.Module.Path}
	for _, required := range file.Require {
		m.requires = append(m.requires, required.Path)
	}
	for _, replaced := range file.Replace {
		m.replaces = append(m.replaces, replaced.Old.Path)
	}
	return m, nil
}

// keepKit removes the modules of other projects from the requirements and the replacements.
func keepKit(m *module, root string) {
	other := func(p string) bool { return p != root && !strings.HasPrefix(p, root+"/") }
	m.requires = slices.DeleteFunc(m.requires, other)
	m.replaces = slices.DeleteFunc(m.replaces, other)
}

// markReleased marks the modules whose folders are listed.
func markReleased(modules []module, released []string) error {
	for _, folder := range released {
		i := slices.IndexFunc(modules, func(m module) bool { return m.folder == path.Clean(folder) })
		if i < 0 {
			return fmt.Errorf("release: %s has no committed go.mod", folder)
		}
		modules[i].released = true
	}
	if !modules[0].released {
		return errors.New("release: the list of modules does not contain the root module")
	}
	return nil
}

// levels orders the released modules by their requirements: a module comes after all modules of the kit that it requires.
func levels(modules []module) ([][]module, error) {
	var steps [][]module
	done := make(map[string]bool)
	rest := slices.DeleteFunc(slices.Clone(modules), func(m module) bool { return !m.released })
	for len(rest) > 0 {
		ready := func(m module) bool {
			return !slices.ContainsFunc(m.requires, func(p string) bool { return !done[p] })
		}
		step := slices.DeleteFunc(slices.Clone(rest), func(m module) bool { return !ready(m) })
		if len(step) == 0 {
			return nil, fmt.Errorf("release: %s requires %v, which are not all released, or form a cycle", rest[0].path, rest[0].requires)
		}
		rest = slices.DeleteFunc(rest, ready)
		for _, m := range step {
			done[m.path] = true
		}
		steps = append(steps, step)
	}
	return steps, nil
}
