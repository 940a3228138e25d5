/** What the editor saves and the runtime reads: one type for both halves. */
export interface PlantSimulateConfig {
	configVersion: 1;
	name: string;
	/** Id of the energy-site whose id and time zone the plant takes. */
	site: string;
	/** Empty: SMARTFACTORY_MQTT_BROKER; where that is empty too, no MQTT. */
	brokerUrl: string;
	publishMqtt: boolean;
	seed: number;
	/** Seconds between readings. */
	periodS: number;
	/** Hours in the past at which the plant begins. */
	startHoursAgo: number;
	/** Plant seconds in a second while it catches up with the clock. */
	speed: number;
	/** TCP port of the Modbus meters; empty or 0: none. */
	modbusPort: number | "";
	/** Address they are served on; empty: 127.0.0.1. */
	modbusHost: string;
}

export interface PlantSimulateCredentials {
	username: string;
	password: string;
}
