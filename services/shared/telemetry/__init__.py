"""What operators see of the services: figures, and where each job's time went. Off unless asked for."""
