package doctor

import (
	"context"
	"net/http"

	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/cli"
	"github.com/bearerkit/bearerkit/cmd/bearerkit/internal/inspect"
	"github.com/bearerkit/bearerkit/consumer"
	"github.com/bearerkit/bearerkit/oidcdiscovery"
)

// doctor is one run. The checks run in the order of run, and each may use what earlier ones have found.
type doctor struct {
	report

	// cfg is the Config of the API. The checks apply their settings to it, so that later checks run with them.
	cfg consumer.Config

	api   string         // the URL of the running API; empty: it is not examined
	token *inspect.Token // never nil; its Raw is empty if the user gave none

	env      *cli.Env
	keysFile string // the value of BEARERKIT_KEYS_FILE

	recorder *recorder
	client   *http.Client // of recorder
	progress *cli.Progress

	metadata *oidcdiscovery.Metadata // nil: it could not be read
	keys     *inspect.KeySet         // nil: it could not be read

	verdict verdict
}

// verdict says what the kit would decide about the token with the settings of the report.
type verdict string

const (
	verdictNone     verdict = ""         // without a token
	verdictAccepted verdict = "accepted" // with d.settings, or without any
	verdictRejected verdict = "rejected"
	verdictUnknown  verdict = "unknown" // there are no keys
)

// run runs all checks.
func (d *doctor) run(ctx context.Context) {
	if d.static() {
		d.checkStatic()
	} else {
		d.checkIssuer(ctx)
		d.checkKeys(ctx)
	}
	d.checkToken(ctx)
	d.checkAPI(ctx)
	d.checkClock(ctx)
	d.checkTLS()
	d.progress.Done()
}
