package probe

const killsGroups = false
