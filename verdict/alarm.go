package verdict

// AlarmState is the state of an alarm, as CloudWatch calls it.
type AlarmState string

// The states of an alarm.
const (
	AlarmOK     AlarmState = "OK"
	AlarmFiring AlarmState = "ALARM"
	// AlarmUnknown is an alarm without data: neither good nor bad is known of what it watches.
	AlarmUnknown AlarmState = "INSUFFICIENT_DATA"
)
