package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// repository is a Git repository with a working tree.
type repository struct{ dir string }

// git runs a Git command and returns its output without the final line break.
func (r repository) git(ctx context.Context, args ...string) (string, error) {
	return command(ctx, r.dir, nil, "git", args...)
}

// clone clones the repository to a folder in scratch. Commits in the clone have the author of the repository.
func (r repository) clone(ctx context.Context, scratch string) (repository, error) {
	source, err := filepath.Abs(r.dir)
	if err != nil {
		return repository{}, err
	}
	c := repository{dir: filepath.Join(scratch, "clone")}
	if _, err := command(ctx, scratch, nil, "git", "clone", "-q", "--no-hardlinks", source, c.dir); err != nil {
		return c, err
	}
	for _, key := range []string{"user.name", "user.email"} {
		value, err := r.git(ctx, "config", key)
		if err != nil {
			return c, fmt.Errorf("release: set %s with git config: %w", key, err)
		}
		if _, err := c.git(ctx, "config", key, value); err != nil {
			return c, err
		}
	}
	return c, nil
}

// adopt adds the commits and the tags of the clone to the repository, if its HEAD is still the commit that was released.
func (r repository) adopt(ctx context.Context, clone repository, head string, tags []string) error {
	now, err := r.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	if now != head {
		return fmt.Errorf("release: HEAD is %s, but %s was released: somebody committed during the release", now, head)
	}
	last, err := clone.git(ctx, "rev-parse", "HEAD")
	if err != nil {
		return err
	}
	fetch := []string{"fetch", "-q", "--no-tags", clone.dir, "HEAD"}
	for _, tag := range tags {
		fetch = append(fetch, "refs/tags/"+tag+":refs/tags/"+tag)
	}
	if _, err := r.git(ctx, fetch...); err != nil {
		return err
	}
	_, err = r.git(ctx, "merge", "-q", "--ff-only", last)
	return err
}

// command runs a program in dir with additional environment variables and returns its standard output. The error contains the
// standard error of the program.
func command(ctx context.Context, dir string, env []string, name string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, name, args...) //nolint:gosec // Git, Go, and programs that were just built
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), env...)
	var stdout, stderr bytes.Buffer
	cmd.Stdout, cmd.Stderr = &stdout, &stderr
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("release: %s %s: %w\n%s", name, strings.Join(args, " "), err, &stderr)
	}
	return strings.TrimRight(stdout.String(), "\n"), nil
}

// check runs a shell command in dir.
func check(ctx context.Context, dir, line string, out io.Writer) error {
	cmd := exec.CommandContext(ctx, "bash", "-c", line) //nolint:gosec // the command line comes from the Makefile
	cmd.Dir = dir
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		return fmt.Errorf("release: the checks failed, so nothing was tagged: %w", err)
	}
	return nil
}
