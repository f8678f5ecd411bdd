package importcmd

import (
	"cmp"
	"fmt"
	"io"
	"text/tabwriter"

	"github.com/bearerkit/bearerkit/store/sqlstore/crossauth"
)

// writeText writes the report for a terminal. revokes is whether missing tokens are deleted.
func writeText(w io.Writer, r *crossauth.Report, revokes bool) error {
	p := &printer{w: w}
	if r.DryRun {
		p.printf("Dry run: nothing was stored.\n\n")
	}
	p.counts(r)
	if len(r.OtherKeys) > 0 {
		p.printf("\nNot imported from the key table:\n")
		for _, k := range r.OtherKeys {
			p.printf("  %-9s %s (%d): %s\n", cmp.Or(k.Prefix, "other"), k.Meaning, k.Rows, k.Effect)
		}
	}
	p.rows("Rejected", r.Rejected)
	p.rows("Different", r.Different)
	p.rows("Missing in crossauth", r.Missing)
	if r.MissingTokens > 0 {
		p.printf("\n%d active access tokens that were imported before are missing in crossauth: they may have been revoked there.\n", r.MissingTokens)
		switch {
		case !revokes:
			p.printf("They stay active, unless -revoke-missing is set.\n")
		case r.DryRun:
			p.printf("They would be deleted.\n")
		default:
			p.printf("They were deleted.\n")
		}
	}
	return p.err
}

// printer writes text and keeps the first error.
type printer struct {
	w   io.Writer
	err error
}

func (p *printer) printf(format string, args ...any) {
	if p.err == nil {
		_, p.err = fmt.Fprintf(p.w, format, args...)
	}
}

// counts writes the table of counts.
func (p *printer) counts(r *crossauth.Report) {
	table := tabwriter.NewWriter(p.w, 0, 0, 2, ' ', tabwriter.AlignRight)
	line := func(format string, args ...any) {
		if p.err == nil {
			_, p.err = fmt.Fprintf(table, format, args...)
		}
	}
	line("\tread\timported\tunchanged\tdifferent\trejected\texpired\t\n")
	for _, c := range []struct {
		name  string
		count crossauth.Count
	}{
		{"clients", r.Clients},
		{"redirect URIs", r.RedirectURIs},
		{"flows", r.Flows},
		{"authorizations", r.Authorizations},
		{"access tokens", r.AccessTokens},
	} {
		n := c.count
		line("%s\t%d\t%d\t%d\t%d\t%d\t%d\t\n", c.name, n.Read, n.Imported, n.Unchanged, n.Different, n.Rejected, n.Expired)
	}
	if p.err == nil {
		p.err = table.Flush()
	}
}

// rows writes a list of rows, if there are any.
func (p *printer) rows(title string, rows []crossauth.Row) {
	if len(rows) == 0 {
		return
	}
	p.printf("\n%s (%d):\n", title, len(rows))
	for _, row := range rows {
		p.printf("  %s, %s: %s\n", row.Table, row.Row, row.Reason)
	}
}
