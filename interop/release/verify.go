package main

import (
	"context"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
)

// verify checks that programs outside of the repository can use each released module.
func (r *releaser) verify(ctx context.Context) error {
	for _, m := range r.modules {
		if !m.released {
			continue
		}
		libraries, programs, err := r.packages(ctx, m)
		if err != nil {
			return err
		}
		if len(libraries) > 0 {
			if err := r.useModule(ctx, m, libraries); err != nil {
				return err
			}
		}
		for _, program := range programs {
			if err := r.install(ctx, program); err != nil {
				return err
			}
		}
	}
	return nil
}

// packages returns the import paths of the packages that programs can import, and of the commands.
func (r *releaser) packages(ctx context.Context, m module) (libraries, programs []string, err error) {
	lines, err := command(ctx, filepath.Join(r.clone.dir, m.folder), goEnv(), "go", "list", "-f", "{{.Name}} {{.ImportPath}} {{len .GoFiles}}", "./...")
	if err != nil {
		return nil, nil, err
	}
	for line := range strings.SplitSeq(lines, "\n") {
		words := strings.Fields(line)
		switch {
		case len(words) != 3 || words[2] == "0" || slices.Contains(strings.Split(words[1], "/"), "internal"):
		case words[0] == "main":
			programs = append(programs, words[1])
		default:
			libraries = append(libraries, words[1])
		}
	}
	return libraries, programs, nil
}

// useModule writes a program that imports all packages of a module, without replace directives. It gets the module at the new
// version, builds the program, and runs it. The program prints the modules that it was built from.
func (r *releaser) useModule(ctx context.Context, m module, libraries []string) error {
	fmt.Fprintf(r.out, "-- use %s@%s: %d packages\n", m.path, r.version, len(libraries))
	dir, err := os.MkdirTemp(filepath.Dir(r.clone.dir), "user")
	if err != nil {
		return err
	}
	if err := os.WriteFile(filepath.Join(dir, "main.go"), []byte(userProgram(libraries)), 0o600); err != nil {
		return err
	}
	// With the checksums of the release, the go command needs no checksum database for the modules of others.
	sums, err := os.ReadFile(filepath.Join(r.clone.dir, m.folder, "go.sum"))
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, "go.sum"), sums, 0o600) //nolint:gosec // the folder was just created
	}
	if err != nil && !os.IsNotExist(err) {
		return err
	}
	for _, args := range [][]string{
		{"mod", "init", "user.example"},
		{"get", m.path + "@" + r.version},
		{"build", "-o", "program", "."},
	} {
		if _, err := command(ctx, dir, r.registry.users, "go", args...); err != nil {
			return err
		}
	}
	printed, err := command(ctx, dir, nil, filepath.Join(dir, "program"))
	if err != nil {
		return err
	}
	return r.checkBuild(m, printed)
}

// userProgram returns a program that imports packages and prints path, version and replacement of each module in it.
func userProgram(libraries []string) string {
	var b strings.Builder
	b.WriteString("package main\n\nimport (\n\t\"fmt\"\n\t\"runtime/debug\"\n\n")
	for _, library := range libraries {
		fmt.Fprintf(&b, "\t_ %q\n", library)
	}
	b.WriteString(`)

func main() {
	info, _ := debug.ReadBuildInfo()
	for _, m := range info.Deps {
		fmt.Println(m.Path, m.Version, m.Replace != nil)
	}
}
`)
	return b.String()
}

// checkBuild checks that the printed modules contain m, and that all modules of the kit have the released version.
func (r *releaser) checkBuild(m module, printed string) error {
	lines := strings.Split(printed, "\n")
	if !slices.Contains(lines, m.path+" "+r.version+" false") {
		return fmt.Errorf("release: the program that uses %s@%s was built from:\n%s", m.path, r.version, printed)
	}
	root := r.modules[0].path
	for _, line := range lines {
		words := strings.Fields(line)
		if len(words) == 3 && (words[0] == root || strings.HasPrefix(words[0], root+"/")) && (words[1] != r.version || words[2] != "false") {
			return fmt.Errorf("release: the program that uses %s@%s contains %s", m.path, r.version, line)
		}
	}
	return nil
}

// install installs a command at the new version, as a user does, and prints its help.
func (r *releaser) install(ctx context.Context, program string) error {
	fmt.Fprintf(r.out, "-- install %s@%s\n", program, r.version)
	bin := filepath.Join(filepath.Dir(r.clone.dir), "bin")
	env := append(slices.Clone(r.registry.users), "GOBIN="+bin)
	if _, err := command(ctx, filepath.Dir(r.clone.dir), env, "go", "install", program+"@"+r.version); err != nil {
		return err
	}
	_, err := command(ctx, bin, nil, filepath.Join(bin, path.Base(program)), "--help")
	return err
}
