//go:build race

package bearertest_test

// raceDetector says that the race detector is on.
const raceDetector = true
