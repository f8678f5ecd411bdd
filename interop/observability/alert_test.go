package observability_test

import (
	"fmt"
	"log/slog"
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"

	"github.com/bearerkit/bearerkit/interop/observability"
)

// scenario contains series of an hour and a half with one sample per minute, in the notation of promtool: 0+60x90 starts at 0
// and adds 60 for 90 times.
type scenario map[string]string

// health is a healthy API under load, which also rejects invalid requests.
func health() scenario {
	return scenario{
		`bearerkit_ready{issuer="i"}`:                                                "1x90",
		`bearerkit_key_age_seconds{issuer="i"}`:                                      "0+6x90",
		`bearerkit_key_consecutive_failures{issuer="i"}`:                             "0x90",
		`bearerkit_key_skipped_fetches_total{issuer="i"}`:                            "0+6x90",
		`bearerkit_metadata_consecutive_failures{issuer="i"}`:                        "0x90",
		`bearerkit_unusable_keys{url="u",cause="private"}`:                           "0x90",
		`bearerkit_unusable_keys{url="u",cause="symmetric"}`:                         "0x90",
		`bearerkit_unusable_keys{url="u",cause="use"}`:                               "1x90", // for encryption
		`bearerkit_unusable_keys{url="u",cause="weak"}`:                              "0x90",
		`bearerkit_decisions_total{status="200",reason="ok"}`:                        "0+60000x90",
		`bearerkit_decisions_total{status="401",reason="expired"}`:                   "0+6000x90",
		`bearerkit_decisions_total{status="401",reason="signature"}`:                 "0+60x90",
		`bearerkit_decisions_total{status="499",reason="canceled"}`:                  "0+6000x90",
		`bearerkit_decisions_total{status="500",reason="internal"}`:                  "1x90", // long ago
		`bearerkit_decisions_total{status="503",reason="keys_unavailable"}`:          "9x90", // long ago
		`bearerkit_verifications_total{issuer="i",reason="ok",cached="true"}`:        "0+54000x90",
		`bearerkit_verifications_total{issuer="i",reason="ok",cached="false"}`:       "0+6000x90",
		`bearerkit_cache_evictions_total{issuer="i"}`:                                "0+6000x90", // expired tokens are replaced
		`bearerkit_status_checks_total{issuer="i",result="active",cached="false"}`:   "0+6000x90",
		`bearerkit_status_checks_total{issuer="i",result="canceled",cached="false"}`: "0+600x90",
		`bearerkit_status_check_duration_seconds_bucket{cached="false",le="0.1"}`:    "0+6000x90",
		`bearerkit_status_check_duration_seconds_bucket{cached="false",le="0.5"}`:    "0+6000x90",
		`bearerkit_status_check_duration_seconds_bucket{cached="false",le="+Inf"}`:   "0+6000x90",
		`bearerkit_watch_running{store="s"}`:                                         "1x90",
		`bearerkit_watch_behind_seconds{store="s"}`:                                  "4x90",
		`bearerkit_watch_purges_total{store="s",cause="lost"}`:                       "1x90", // long ago
		`bearerkit_watch_purges_total{store="s",cause="started"}`:                    "0 2x89",
		`bearerkit_ssf_poll_age_seconds{issuer="i"}`:                                 "30x90",
		`bearerkit_ssf_outcomes_total{issuer="i",outcome="denied"}`:                  "0+1x90",
		`bearerkit_ssf_outcomes_total{issuer="i",outcome="failed"}`:                  "3x90", // long ago
		`bearerkit_ssf_outcomes_total{issuer="i",outcome="rejected"}`:                "1x90",
		`bearerkit_ssf_outcomes_total{issuer="i",outcome="unmapped"}`:                "1x90",
		`bearerkit_ssf_push_rejections_total{issuer="i",cause="unauthorized"}`:       "0x30 1x60", // a single scan
		`bearerkit_ssf_push_rejections_total{issuer="i",cause="busy"}`:               "0+1x90",
		`bearerkit_status_lists{issuer="i",state="usable"}`:                          "3x90",
		`bearerkit_status_lists{issuer="i",state="failed"}`:                          "0x90",
		`bearerkit_status_list_consecutive_failures{issuer="i"}`:                     "0x9 1x9 0x72",
		`bearerkit_cleanup_running{store="s"}`:                                       "1x90",
		`bearerkit_cleanup_age_seconds{store="s"}`:                                   "30x90",
	}
}

// scenarios change series of health. The alert must fire for each scenario in loud, and must not fire for those in quiet.
var scenarios = map[string]struct{ loud, quiet []scenario }{
	"BearerkitNotReady": {
		loud:  []scenario{{`bearerkit_ready{issuer="i"}`: "1x9 0x81"}, {`bearerkit_ready{issuer="j"}`: "0x90"}},
		quiet: []scenario{{`bearerkit_ready{issuer="i"}`: "0x3 1x86"}}, // the API was just started
	},
	"BearerkitKeysNotRefreshed": {
		loud: []scenario{{
			`bearerkit_key_age_seconds{issuer="i"}`:          "0+60x90",
			`bearerkit_key_consecutive_failures{issuer="i"}`: "0x9 1+1x81",
		}},
		quiet: []scenario{
			{`bearerkit_key_age_seconds{issuer="i"}`: "0+60x90"}, // the API received no request
			{`bearerkit_key_consecutive_failures{issuer="i"}`: "0x9 1x81"},
		},
	},
	"BearerkitKeysGoStale": {
		loud: []scenario{{
			`bearerkit_key_age_seconds{issuer="i"}`:          "43000+60x90",
			`bearerkit_key_consecutive_failures{issuer="i"}`: "200+1x90",
		}},
		quiet: []scenario{{`bearerkit_key_age_seconds{issuer="i"}`: "43000+60x90"}},
	},
	"BearerkitMetadataFailing": {
		loud:  []scenario{{`bearerkit_metadata_consecutive_failures{issuer="i"}`: "0x9 1+1x81"}},
		quiet: []scenario{{`bearerkit_metadata_consecutive_failures{issuer="i"}`: "0x9 1x30 0x50"}},
	},
	"BearerkitSecretKeyPublished": {
		loud: []scenario{
			{`bearerkit_unusable_keys{url="u",cause="private"}`: "0x80 1x10"},
			{`bearerkit_unusable_keys{url="u",cause="symmetric"}`: "0x80 1x10"},
		},
	},
	"BearerkitKeysUnusable": {
		loud: []scenario{
			{`bearerkit_unusable_keys{url="u",cause="weak"}`: "0x9 1x81"},
			{`bearerkit_unusable_keys{url="u",cause="duplicate"}`: "2x90"},
		},
		quiet: []scenario{{`bearerkit_unusable_keys{url="u",cause="use"}`: "3x90"}},
	},
	"BearerkitRefreshSkips": {
		loud:  []scenario{{`bearerkit_key_skipped_fetches_total{issuer="i"}`: "0+300x90"}},
		quiet: []scenario{{`bearerkit_key_skipped_fetches_total{issuer="i"}`: "0x9 0+300x9 2700x71"}}, // a rotation
	},
	"BearerkitUnavailable": {
		loud: []scenario{
			{`bearerkit_decisions_total{status="503",reason="keys_unavailable"}`: "0+1x90"},
			{`bearerkit_decisions_total{status="503",reason="status_unavailable"}`: "0x80 0+60x10"},
		},
	},
	"BearerkitInternalErrors": {
		loud: []scenario{{`bearerkit_decisions_total{status="500",reason="internal"}`: "0+1x90"}},
	},
	"BearerkitForgedTokens": {
		loud: []scenario{
			{`bearerkit_decisions_total{status="401",reason="signature"}`: "0+900x90"},
			{`bearerkit_decisions_total{status="401",reason="unknown_key"}`: "0+900x90"},
		},
		quiet: []scenario{{`bearerkit_decisions_total{status="401",reason="audience"}`: "0+900x90"}},
	},
	"BearerkitStatusStoreFailing": {
		loud: []scenario{{`bearerkit_status_checks_total{issuer="i",result="unavailable",cached="false"}`: "0x9 0+1x81"}},
	},
	"BearerkitStatusStoreSlow": {
		loud: []scenario{{`bearerkit_status_check_duration_seconds_bucket{cached="false",le="0.1"}`: "0+5000x90"}},
	},
	"BearerkitWatchNotRunning": {
		loud:  []scenario{{`bearerkit_watch_running{store="s"}`: "1x9 0x81"}},
		quiet: []scenario{{`bearerkit_watch_running{store="s"}`: "0x3 1x86"}}, // the API was just started
	},
	"BearerkitWatchSilent": {
		loud:  []scenario{{`bearerkit_watch_behind_seconds{store="s"}`: "4x9 4+60x81"}},
		quiet: []scenario{{`bearerkit_watch_behind_seconds{store="s"}`: "29x90"}},
	},
	"BearerkitStoreLostChanges": {
		loud:  []scenario{{`bearerkit_watch_purges_total{store="s",cause="lost"}`: "0x9 1x81"}},
		quiet: []scenario{{`bearerkit_watch_purges_total{store="s",cause="interrupted"}`: "0x9 1x81"}},
	},
	"BearerkitSSFPollSilent": {
		loud:  []scenario{{`bearerkit_ssf_poll_age_seconds{issuer="i"}`: "0+60x90"}},
		quiet: []scenario{{`bearerkit_ssf_poll_age_seconds{issuer="i"}`: "90x90"}},
	},
	"BearerkitSSFEventsFailing": {
		loud:  []scenario{{`bearerkit_ssf_outcomes_total{issuer="i",outcome="failed"}`: "0x9 0+1x81"}},
		quiet: []scenario{{`bearerkit_ssf_outcomes_total{issuer="i",outcome="duplicate"}`: "0+1x90"}},
	},
	"BearerkitSSFEventsRejected": {
		loud: []scenario{
			{`bearerkit_ssf_outcomes_total{issuer="i",outcome="rejected"}`: "0x9 1x81"},
			{`bearerkit_ssf_outcomes_total{issuer="i",outcome="unmapped"}`: "0x9 1x81"},
		},
		quiet: []scenario{{`bearerkit_ssf_outcomes_total{issuer="i",outcome="unknown"}`: "0+1x90"}},
	},
	"BearerkitSSFPushRejected": {
		loud: []scenario{
			{`bearerkit_ssf_push_rejections_total{issuer="i",cause="unauthorized"}`: "0+1x90"},
			{`bearerkit_ssf_push_rejections_total{issuer="i",cause="malformed"}`: "0+1x90"},
		},
	},
	"BearerkitStatusListStale": {
		loud:  []scenario{{`bearerkit_status_lists{issuer="i",state="failed"}`: "0x9 1x81"}},
		quiet: []scenario{{`bearerkit_status_lists{issuer="i",state="idle"}`: "9x90"}},
	},
	"BearerkitStatusListFailing": {
		loud: []scenario{{`bearerkit_status_list_consecutive_failures{issuer="i"}`: "0x9 1+1x81"}},
	},
	"BearerkitExpiredRowsGrow": {
		loud: []scenario{
			{`bearerkit_cleanup_running{store="s"}`: "0x90"},
			{`bearerkit_cleanup_age_seconds{store="s"}`: "0+60x90"},
		},
		quiet: []scenario{{ // another process removes them
			`bearerkit_cleanup_running{store="s",process="2"}`:     "0x90",
			`bearerkit_cleanup_age_seconds{store="s",process="2"}`: "0+60x90",
		}},
	},
	"BearerkitCacheTooSmall": {
		loud: []scenario{{
			`bearerkit_verifications_total{issuer="i",reason="ok",cached="true"}`:  "0+10000x90",
			`bearerkit_verifications_total{issuer="i",reason="ok",cached="false"}`: "0+50000x90",
		}},
		quiet: []scenario{{ // no token is sent twice, and none is evicted
			`bearerkit_verifications_total{issuer="i",reason="ok",cached="true"}`: "0x90",
			`bearerkit_cache_evictions_total{issuer="i"}`:                         "0x90",
		}},
	},
}

func TestAlerts(t *testing.T) {
	t.Parallel()
	rules := readRules(t)
	for _, rule := range rules {
		t.Run(rule.Alert, func(t *testing.T) {
			t.Parallel()
			if fires(t, rule, nil) {
				t.Error("the alert fires for a healthy API")
			}
			if len(scenarios[rule.Alert].loud) == 0 {
				t.Error("no scenario makes the alert fire")
			}
			for _, change := range scenarios[rule.Alert].loud {
				if !fires(t, rule, change) {
					t.Errorf("the alert does not fire for %v", change)
				}
			}
			for _, change := range scenarios[rule.Alert].quiet {
				if fires(t, rule, change) {
					t.Errorf("the alert fires for %v", change)
				}
			}
		})
	}
	if len(rules) != len(scenarios) {
		t.Errorf("got %d rules, but scenarios for %d", len(rules), len(scenarios))
	}
}

var annotated = regexp.MustCompile(`\$labels\.(\w+)`)

// fires reports whether the condition of the alert holds for long enough at any time of the scenario.
func fires(t *testing.T, rule rulefmt.Rule, change scenario) bool {
	t.Helper()
	began := time.Unix(0, 0).UTC()
	store := new(observability.Store)
	all := health()
	maps.Copy(all, change)
	for _, name := range slices.Sorted(maps.Keys(all)) {
		series, values, err := parser.NewParser(parser.Options{}).ParseSeriesDesc(name + " " + all[name])
		if err != nil {
			t.Fatalf("%s %s: %v", name, all[name], err)
		}
		series = labels.NewBuilder(series).Set("job", "api").Set("instance", "api-1:8080").Labels()
		for i, value := range values {
			store.Add(series, began.Add(time.Duration(i)*time.Minute), value.Value)
		}
	}
	span := observability.Span{From: began, To: began.Add(90 * time.Minute), Step: time.Minute}
	matrix, err := store.Query(t.Context(), rule.Expr, span)
	if err != nil {
		t.Fatal(err)
	}
	for _, series := range matrix {
		for _, match := range annotated.FindAllStringSubmatch(fmt.Sprint(rule.Annotations), -1) {
			if !series.Metric.Has(match[1]) {
				t.Errorf("the annotations use the label %s, which is not in %v", match[0], series.Metric)
			}
		}
		pending := -time.Minute
		var before int64
		for _, point := range series.Floats {
			if point.T-before > time.Minute.Milliseconds() {
				pending = -time.Minute
			}
			before, pending = point.T, pending+time.Minute
			if pending >= time.Duration(rule.For) {
				return true
			}
		}
	}
	return false
}

// TestAlertsHaveSeries checks that every selector of an alert finds series in a real run.
func TestAlertsHaveSeries(t *testing.T) {
	t.Parallel()
	r := record(t)
	for _, rule := range readRules(t) {
		for _, selector := range selectors(t, rule.Expr) {
			if !r.answers(t, selector) {
				t.Errorf("%s: no series: %s", rule.Alert, selector)
			}
		}
	}
}

// TestAlertsAreExplained checks that every alert has a severity, a summary, a description and a section of the runbook.
func TestAlertsAreExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(folder + "README.md")
	if err != nil {
		t.Fatal(err)
	}
	book := string(text)
	for _, rule := range readRules(t) {
		if s := rule.Labels["severity"]; s != "critical" && s != "warning" {
			t.Errorf("%s: severity %q", rule.Alert, s)
		}
		if rule.Annotations["summary"] == "" || len(rule.Annotations["description"]) < 60 {
			t.Errorf("%s: incomplete annotations %q", rule.Alert, rule.Annotations)
		}
		_, anchor, _ := strings.Cut(rule.Annotations["runbook_url"], "/docs/observability/README.md#")
		if anchor != strings.ToLower(rule.Alert) || !strings.Contains(book, "\n### "+rule.Alert+"\n\n") {
			t.Errorf("%s: README.md has no section for %q", rule.Alert, rule.Annotations["runbook_url"])
		}
	}
	if headings, rules := strings.Count(book, "\n### Bearerkit"), len(readRules(t)); headings != rules {
		t.Errorf("README.md has %d sections for %d alerts", headings, rules)
	}
}

// readRules parses and checks the rules and their templates with the code of Prometheus.
func readRules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, faults := rulefmt.ParseFile(
		folder+"alerts.yml", false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, fault := range faults {
		t.Error(fault)
	}
	if groups == nil {
		t.FailNow()
	}
	var rules []rulefmt.Rule
	for _, group := range groups.Groups {
		rules = append(rules, group.Rules...)
	}
	if len(rules) < 10 {
		t.Fatal(fmt.Sprint("got ", len(rules), " rules, want more"))
	}
	return rules
}
