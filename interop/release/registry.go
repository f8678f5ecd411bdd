package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
)

// registry is a folder that works as a module proxy for the tags of a clone (`go help goproxy`). The go command itself creates the
// files from the clone, so they are equal to those that public module proxies create from the published tags.
type registry struct {
	folder  string   // the module cache whose download folder is the proxy
	scratch string   // a module cache for the programs that use the proxy
	env     []string // reads the tags of the clone as if they were published
	users   []string // reads modules of the kit from the folder, and all others as configured on this machine
}

// newRegistry returns an empty registry for the modules whose paths start with root, the path of a repository.
func newRegistry(ctx context.Context, scratch, clone, root string) *registry {
	r := &registry{folder: filepath.Join(scratch, "registry"), scratch: filepath.Join(scratch, "modules")}
	kit := "GONOSUMDB=" + root + "," + root + "/*"
	r.env = append(goEnv(), kit, "GONOPROXY=none", "GOPROXY=direct", "GOMODCACHE="+r.folder, "GOFLAGS=-modcacherw",
		"GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=url."+clone+".insteadOf", "GIT_CONFIG_VALUE_0=https://"+root)
	proxy := "file://" + filepath.Join(r.folder, "cache", "download")
	if cache, err := command(ctx, scratch, nil, "go", "env", "GOMODCACHE"); err == nil {
		proxy += ",file://" + filepath.Join(cache, "cache", "download") // modules that were downloaded before need no network
	}
	if configured, err := command(ctx, scratch, nil, "go", "env", "GOPROXY"); err == nil {
		proxy += "," + configured
	}
	r.users = append(goEnv(), kit, "GONOPROXY=none", "GOPROXY="+proxy, "GOMODCACHE="+r.scratch,
		"GOFLAGS=-mod=mod -modcacherw -trimpath -buildvcs=false") // with -trimpath, the build cache works for all module caches
	return r
}

// publish adds a tagged module to the registry.
func (r *registry) publish(ctx context.Context, m module, version string) error {
	if err := os.MkdirAll(r.folder, 0o750); err != nil {
		return err
	}
	if _, err := command(ctx, r.folder, r.env, "go", "mod", "download", m.path+"@"+version); err != nil {
		return fmt.Errorf("release: the tag %s cannot be downloaded as a module: %w", tagOf(m.folder, version), err)
	}
	// All programs share one module cache. This command stores the module completely, with the time of its version, which is
	// missing if a program uses the module only as a dependency.
	_, err := command(ctx, r.folder, r.users, "go", "mod", "download", m.path+"@"+version)
	return err
}

// goEnv makes go commands independent of a workspace.
func goEnv() []string { return []string{"GOWORK=off"} }
