package serve

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"syscall"

	"github.com/spf13/cobra"
	"go.yaml.in/yaml/v3"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
)

// Command returns the command bearerkit serve.
func Command(env *cli.Env) *cobra.Command {
	var file string
	var check bool
	c := &cobra.Command{
		Use:   "serve --config FILE",
		Short: "Decide about requests for nginx, Caddy, Traefik and Envoy (forward authentication)",
		Long: "serve decides about requests for a reverse proxy: it verifies their tokens and applies the rules of the file.\n\n" +
			"SIGHUP reloads the file; a wrong file leaves the old configuration in use. SIGTERM and SIGINT end the process\n" +
			"after its requests. The log goes to stderr. docs/forward-auth.md describes the file and the proxies.",
		Args: cobra.NoArgs,
	}
	c.Flags().StringVar(&file, "config", "", "configuration `file` (YAML); - is the standard input")
	c.Flags().BoolVar(&check, "check", false, "check the file, print the effective configuration, and exit")
	c.RunE = func(c *cobra.Command, _ []string) error {
		if file == "" {
			return cli.Usagef("serve: --config is required: the name of the configuration file")
		}
		if env.JSON() && !check { // a flag that has no effect would be misleading
			return cli.Usagef("serve: --json can only be used with --check, because serve writes a log; see log.format")
		}
		src := source{func() ([]byte, error) { return env.ReadFile(file, maxFile) }, env.Getenv}
		if check {
			return printEffective(env, src)
		}
		reload := make(chan os.Signal, 1) // signals during a reload cause one more reload
		signal.Notify(reload, syscall.SIGHUP)
		defer signal.Stop(reload)
		return run(c.Context(), env, src, reload)
	}
	return c
}

// run serves the configuration of src until ctx ends.
func run(ctx context.Context, env *cli.Env, src source, reload <-chan os.Signal) error {
	c, err := src.load()
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	c = c.withDefaults() // the server needs the defaults of the log before it checks the rest
	registry := newRegistry()
	s, err := newServer(c, src, registry, c.Log.logger(env.Stderr), env.HTTPClient)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if err := s.run(ctx, reload, registry, nil); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	return nil
}

// printEffective checks the configuration and writes it with its defaults. It has no secrets: keys are in files.
func printEffective(env *cli.Env, src source) error {
	c, err := src.load()
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	// newState does no network I/O, so --check also works in a build that cannot reach the issuers.
	s, err := newState(c, nil, durable{}, hooks{}, src.getenv)
	if err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	if err := new(certificates).load(s.config.Listen.TLS); err != nil {
		return fmt.Errorf("serve: %w", err)
	}
	text, err := yaml.Marshal(s.effective())
	if err != nil {
		return err
	}
	if !env.JSON() {
		_, err = fmt.Fprint(env.Stdout, cli.Clean(string(text)))
		return err
	}
	var document map[string]any
	if err := yaml.Unmarshal(text, &document); err != nil {
		return err
	}
	return env.WriteJSON(document)
}

// effective returns the configuration of s, with the issuer of the environment.
func (s *state) effective() config {
	c := s.config
	c.Issuers = slices.Clone(c.Issuers)
	for i := range c.Issuers {
		if c.Issuers[i].Profile == "" {
			c.Issuers[i].Profile = "default"
		}
	}
	if len(c.Issuers) == 0 {
		for _, known := range s.issuers.consumers {
			c.Issuers = append(c.Issuers, issuerConfig{Issuer: known.Issuer()})
		}
	}
	return c
}
