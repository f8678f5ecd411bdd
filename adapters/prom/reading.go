package prom

import (
	"time"

	"github.com/bearerkit/bearerkit/consumer"
)

// healthReadings returns all metrics of a Health. If several Consumers have the same issuer, their states are joined to the
// worst one, and their counts are summed.
func healthReadings() []reading[consumer.Health] {
	t := table[consumer.Health]{label: "issuer"}
	t.gauge("ready", "Whether tokens of the issuer can be verified.", ready, least)
	t.gauge("keys_held", "Usable keys that are currently held.", keysHeld, least)
	t.gauge("key_age_seconds", "Time since the keys were fetched or confirmed.", keyAge, most)
	t.gauge("key_consecutive_failures", "Failed fetches of keys since the last success.", keyFailures, most)
	t.counter("key_forced_fetches_total", "Fetches of keys that tokens with an unknown key id or a wrong signature caused.", forced)
	t.counter("key_skipped_fetches_total", "Tokens with an unknown key id or a wrong signature for which the rate limit allowed no fetch.", skipped)
	t.gauge("metadata_age_seconds", "Time since the metadata was fetched.", metadataAge, most)
	t.gauge("metadata_consecutive_failures", "Failed fetches of metadata since the last success.", metadataFailures, most)
	t.gauge("cache_entries", "Verified tokens in the cache.", entries, sum)
	t.gauge("cache_capacity", "Maximum number of verified tokens in the cache.", capacity, sum)
	t.counter("cache_evictions_total", "Verified tokens that were evicted to make room for others.", evictions)
	return t.readings
}

// ready does not apply to a Group, because its Members report it.
func ready(h consumer.Health) (float64, bool) {
	if h.Ready {
		return 1, h.Issuer != ""
	}
	return 0, h.Issuer != ""
}

// fetches reports whether the keys are fetched. Keys of the operator are always ready and have no Stats.
func fetches(h consumer.Health) bool { return h.Issuer != "" && (h.Keys.Keys > 0 || !h.Ready) }

// The functions below each read one metric. ok is false if it does not apply, because a zero would be mistaken for an
// outage.

func keysHeld(h consumer.Health) (float64, bool) { return float64(h.Keys.Keys), fetches(h) }

// keyAge is the time since the key set was last fetched or confirmed.
func keyAge(h consumer.Health) (float64, bool) { return age(h.Keys.LastSuccess, h.Keys.Age) }

func keyFailures(h consumer.Health) (float64, bool) {
	return float64(h.Keys.ConsecutiveFailures), fetches(h)
}

// forced and skipped are summed, so they do not apply to a Consumer whose key set is already counted for another one.
func forced(h consumer.Health) (float64, bool) {
	return float64(h.Keys.ForcedFetches), fetches(h) && !h.SharesKeys
}

func skipped(h consumer.Health) (float64, bool) {
	return float64(h.Keys.SkippedForced), fetches(h) && !h.SharesKeys
}

// metadataAge does not apply before the first fetch of metadata.
func metadataAge(h consumer.Health) (float64, bool) {
	return age(h.Metadata.LastSuccess, h.Metadata.Age)
}

// metadataFailures does not apply without discovery, which looks like discovery before its first fetch.
func metadataFailures(h consumer.Health) (float64, bool) {
	m := h.Metadata
	return float64(m.ConsecutiveFailures), m.ConsecutiveFailures > 0 || !m.LastSuccess.IsZero()
}

// age does not apply if nothing was ever fetched.
func age(last time.Time, since time.Duration) (float64, bool) { return since.Seconds(), !last.IsZero() }

// entries, capacity and evictions do not apply if there is no cache.
func entries(h consumer.Health) (float64, bool) {
	return float64(h.Cache.Entries), h.Cache.Size > 0
}

func capacity(h consumer.Health) (float64, bool) {
	return float64(h.Cache.Size), h.Cache.Size > 0
}

func evictions(h consumer.Health) (float64, bool) {
	return float64(h.Cache.Evictions), h.Cache.Size > 0
}
