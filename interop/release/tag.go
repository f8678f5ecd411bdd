package main

import (
	"context"
	"fmt"
	"io"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// releaser makes the commits and tags of one release in a clone.
type releaser struct {
	options
	out      io.Writer
	clone    repository
	modules  []module // all modules of the repository
	registry *registry
}

// tagAll tags the modules level by level. The modules of the first level are tagged at the commit that is released. Each further
// level has a commit in which its modules require the released versions and replace nothing: `go install module@version` rejects
// modules with replace directives. A last commit restores the directives, which the repository needs between releases.
func (r *releaser) tagAll(ctx context.Context, steps [][]module) (tags []string, err error) {
	for i, step := range steps {
		for _, m := range step {
			if err := r.requireReleased(ctx, m); err != nil {
				return nil, err
			}
		}
		if i > 0 {
			if err := r.commit(ctx, fmt.Sprintf("release: require %s in %s", r.version, names(step))); err != nil {
				return nil, err
			}
		}
		for _, m := range step {
			tag := tagOf(m.folder, r.version)
			fmt.Fprintln(r.out, "-- tag", tag)
			if _, err := r.clone.git(ctx, "tag", "-a", "-m", m.path+" "+r.version, tag); err != nil {
				return nil, err
			}
			tags = append(tags, tag)
			if err := r.registry.publish(ctx, m, r.version); err != nil {
				return nil, err
			}
		}
	}
	return tags, r.restore(ctx)
}

// requireReleased lets a module require the released versions, and removes the directives that replace modules of the kit.
func (r *releaser) requireReleased(ctx context.Context, m module) error {
	if len(m.requires)+len(m.replaces) == 0 {
		return nil
	}
	args := r.requirements(m)
	for _, replaced := range m.replaces {
		args = append(args, "-dropreplace="+replaced)
	}
	return r.edit(ctx, m, r.registry.users, args)
}

// restore restores the directives in all modules that were tagged without them, and raises the requirements of all modules.
func (r *releaser) restore(ctx context.Context) error {
	head, err := r.clone.git(ctx, "rev-list", "-n", "1", r.version)
	if err != nil {
		return err
	}
	for _, m := range r.modules {
		if len(m.requires) == 0 {
			continue
		}
		files, err := r.clone.git(ctx, "ls-tree", "--name-only", head, path.Join(m.folder, "go.mod"), path.Join(m.folder, "go.sum"))
		if err != nil {
			return err
		}
		if _, err := r.clone.git(ctx, append([]string{"checkout", "-q", head, "--"}, strings.Fields(files)...)...); err != nil {
			return err
		}
		if err := r.edit(ctx, m, goEnv(), r.requirements(m)); err != nil {
			return err
		}
	}
	return r.commit(ctx, "release: restore the replace directives after "+r.version)
}

// requirements returns the arguments of go mod edit that raise the requirements of a module.
func (r *releaser) requirements(m module) (args []string) {
	for _, required := range m.requires {
		args = append(args, "-require="+required+"@"+r.version)
	}
	return args
}

// edit changes the go.mod of a module in the clone, and then its go.sum. A release changes nothing else.
func (r *releaser) edit(ctx context.Context, m module, env, args []string) error {
	dir := filepath.Join(r.clone.dir, m.folder)
	if _, err := command(ctx, dir, goEnv(), "go", append([]string{"mod", "edit"}, args...)...); err != nil {
		return err
	}
	edited, err := readModuleLines(dir)
	if err != nil {
		return err
	}
	if _, err := command(ctx, dir, env, "go", "mod", "tidy"); err != nil {
		return err
	}
	tidied, err := readModuleLines(dir)
	if err != nil {
		return err
	}
	if !slices.Equal(edited, tidied) {
		return fmt.Errorf("release: go mod tidy changes %s/go.mod: run make tidy and commit the result first", m.folder)
	}
	return nil
}

// commit commits all changes of the clone.
func (r *releaser) commit(ctx context.Context, subject string) error {
	fmt.Fprintln(r.out, "-- commit", subject)
	if _, err := r.clone.git(ctx, "add", "--all"); err != nil {
		return err
	}
	_, err := r.clone.git(ctx, "commit", "-q", "--no-verify", "-m", subject)
	return err
}

// names lists modules by their folders.
func names(modules []module) string {
	folders := make([]string, len(modules))
	for i, m := range modules {
		folders[i] = m.folder
	}
	return strings.Join(folders, ", ")
}
