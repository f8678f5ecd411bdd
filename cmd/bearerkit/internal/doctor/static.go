package doctor

import (
	"context"
	"fmt"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
)

// noStatus takes the place of Config.Status, which variables cannot express. It accepts every token.
type noStatus struct{}

// Active implements [consumer.TokenStatus].
func (noStatus) Active(context.Context, consumer.StatusToken) (bool, error) { return true, nil }

// static reports whether the API has keys of its own, from variables. Then it fetches neither metadata nor keys.
func (d *doctor) static() bool { return d.cfg.Keys != nil }

// hasKeys reports whether there are keys to verify signatures with.
func (d *doctor) hasKeys() bool { return d.static() || d.keys != nil && len(d.keys.Usable()) > 0 }

// checkStatic describes the configured keys.
func (d *doctor) checkStatic() {
	d.ok("metadata", inConsumer+"Keys", "Not requested, because the keys are configured.")
	if d.keysFile == "" {
		d.ok("keys", inConsumer+"Keys", "The keys come from a variable.")
		return
	}
	set, err := inspect.KeysIn(d.env, d.keysFile)
	if err != nil { // consumer.FromEnviron has read the file, so it has changed since then
		d.add(Finding{
			Check: "keys", Severity: Problem, Found: fmt.Sprintf("The file of keys cannot be read: %v.", err), Actor: ActorAPI, Field: inConsumer + "Keys",
			Change: "Correct the file that BEARERKIT_KEYS_FILE names.",
		})
		return
	}
	d.keys = set
	d.describeKeys()
}

// checkConfig reports a Config that consumer.New rejects. It returns false if there is such a finding.
func (d *doctor) checkConfig() bool {
	cfg := d.offline(d.cfg)
	if d.static() { // consumer.New rejects the settings for fetched keys and metadata then, so they must remain
		cfg.KeyCache, cfg.Metadata, cfg.MetadataURL = d.cfg.KeyCache, d.cfg.Metadata, d.cfg.MetadataURL
		cfg.DiscoveryTimeout, cfg.PublicAddressesOnly = d.cfg.DiscoveryTimeout, d.cfg.PublicAddressesOnly
	}
	_, err := consumer.New(cfg)
	if err == nil {
		return true
	}
	d.add(Finding{
		Check: "config", Severity: Problem, Found: fmt.Sprintf("The Config is not valid: %s.", cli.Clean(err.Error())), Actor: ActorAPI,
		Change: "Correct these fields.",
	})
	return false
}
